# One target per habit. Everything runs in a virtual environment that the first target makes.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
export YARDMASTER_HOME ?= $(CURDIR)/.yardmaster
# What the targets run on; "dev" brings the tools of check and test.
INSTALLED := $(VENV)/.installed
INSTALLED_DEV := $(VENV)/.installed-dev

.DEFAULT_GOAL := help

.PHONY: help
help: ## list the targets
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

.PHONY: demo
demo: $(INSTALLED) ## start everything, run programs, drive a ride, serve content, stop
	@$(BIN)/yardmaster demo

.PHONY: up
up: $(INSTALLED) ## start everything and stay until Ctrl-C
	@exec $(BIN)/yardmaster up

.PHONY: check
check: $(INSTALLED_DEV) ## static checks: style, types, imports, spelling
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/codespell

.PHONY: test
test: $(INSTALLED_DEV) engine ## every test, against real servers and a real Docker engine
	$(BIN)/pytest

.PHONY: chaos
chaos: $(INSTALLED_DEV) engine ## the long fault tests
	$(BIN)/pytest -m chaos

.PHONY: compose
compose: $(INSTALLED_DEV) engine ## start the compose file, with stand-ins for images of others, and use it
	$(BIN)/pytest -m compose

.PHONY: bench
bench: $(INSTALLED_DEV) engine ## measure everything; prints ratios
	$(BIN)/python -m bench code_runs
	$(BIN)/python -m bench jobs
	$(BIN)/python -m bench rides
	$(BIN)/python -m bench content

.PHONY: images
images: $(INSTALLED) engine ## build the sandbox image of every language

.PHONY: engine
engine: $(INSTALLED)
	@$(BIN)/yardmaster images ensure

$(INSTALLED): setup.cfg pyproject.toml cli/bootstrap.py
	@echo "Installing into $(VENV) ..."
	@$(PYTHON) cli/bootstrap.py $(VENV)
	@touch $@

$(INSTALLED_DEV): setup.cfg pyproject.toml cli/bootstrap.py
	@echo "Installing into $(VENV) ..."
	@$(PYTHON) cli/bootstrap.py $(VENV) dev
	@touch $@ $(INSTALLED)

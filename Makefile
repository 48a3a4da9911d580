VENV ?= .venv
BIN := $(VENV)/bin

.PHONY: check
check: ## static checks
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/codespell

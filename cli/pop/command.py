"""``yardmaster pop``: what runs at the edge."""

from __future__ import annotations

import click

from adapters.edge import HttpPopDriver
from cli.pop.agent import serve_nginx_agent, serve_varnish_agent
from cli.pop.configs import TEMPLATES, render
from cli.pop.embedded import serve_embedded
from cli.pop.service import run_nginx
from config.settings import load_pop
from domain.cache_refreshes.edge import EdgeError, EdgeRefusedError

SERVER = click.Choice(sorted(TEMPLATES))


@click.group()
def pop() -> None:
    """Run a point of presence at the edge, or what stands beside one."""


@pop.command()
@click.argument("server", type=SERVER)
def config(server: str) -> None:
    """Print the configuration of SERVER; it holds the POP's key, so keep it private."""
    click.echo(render(server, load_pop()), nl=False)


@pop.command()
@click.argument("server", type=SERVER)
def agent(server: str) -> None:
    """Stand beside SERVER on this machine: its statistics, and nginx's purges and probes."""
    settings = load_pop()
    settings.folder.mkdir(parents=True, exist_ok=True)
    (serve_varnish_agent if server == "varnish" else serve_nginx_agent)(settings)


@pop.command()
def serve() -> None:
    """Be a small POP without Varnish or nginx, in memory: for demonstrations."""
    serve_embedded(load_pop())


@pop.command()
@click.argument("server", type=click.Choice(["nginx"]))
def run(server: str) -> None:
    """Be a POP of nginx and its agent, which are started here: what a container runs."""
    run_nginx(load_pop())


@pop.command()
def check() -> None:
    """End with 0 when the POP of this machine answers to its key: for health checks of a container."""
    settings = load_pop()
    driver = HttpPopDriver(f"http://{settings.listen.replace('0.0.0.0:', '127.0.0.1:')}", settings.key)
    try:
        driver.stats()
    except (EdgeError, EdgeRefusedError) as error:
        raise click.ClickException(str(error)) from error
    finally:
        driver.close()

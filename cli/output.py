"""How commands print: aligned tables for people, one JSON document for programs, progress on stderr."""

from __future__ import annotations

import json
from collections.abc import Sequence

import click


def print_table(headings: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print ``rows`` under ``headings``, every column as wide as its widest cell; ``None`` is shown as ``-``."""
    cells = [[_cell(value) for value in row] for row in (headings, *rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(headings))]
    for row in cells:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def print_json(value: object) -> None:
    """Print ``value`` as indented JSON."""
    click.echo(json.dumps(value, indent=2, ensure_ascii=False, default=str))


def show_progress(line: str) -> None:
    """Print a line of progress, apart from what the command answers."""
    click.echo(line, err=True)


def _cell(value: object) -> str:
    # Control characters would let a job's owner draw on the operator's terminal.
    text = "-" if value is None else str(value)
    return "".join(character if character.isprintable() else "?" for character in text)

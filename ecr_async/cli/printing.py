"""Output of the commands: tables for people on a terminal, JSON lines elsewhere."""

import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, TypeAlias, cast

import msgspec
import typer
from rich.console import Console, RenderableType

from ecr_async.report.tables import plain_table

__all__ = ["AsJson", "as_json_lines", "counted", "is_for_people", "notice", "print_rows", "say", "text"]

AsJson: TypeAlias = Annotated[
    bool, typer.Option("--json", help="Print JSON lines on a terminal too, as it is done elsewhere.")
]

RIGHT = frozenset({"images", "size", "findings", "layers"})
"""Columns of numbers."""


def print_rows(
    columns: Mapping[str, str], rows: Iterable[Mapping[str, Any]], *, as_json: bool, empty: str
) -> None:
    """Print rows: all of each as JSON, or a table of the columns, whose texts are in `rows` under their
    names.

    `columns` are the headings by name; `empty` is printed, on standard error, if there are no rows.
    """
    given = list(rows)
    if not given:
        notice(empty)
    elif is_for_people(as_json):
        say(_table(columns, given))
    else:
        as_json_lines(given)


def is_for_people(as_json: bool) -> bool:
    """Whether to print tables: on a terminal, unless JSON is wanted."""
    return not as_json and Console().is_terminal


def as_json_lines(rows: Iterable[Mapping[str, Any]]) -> None:
    """Print each row as a line of JSON."""
    for row in rows:
        sys.stdout.write(msgspec.json.encode(row).decode() + "\n")


def counted(count: int, noun: str) -> str:
    """Return a number of things in words: `1 image`, `2 images`."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def notice(sentence: str) -> None:
    """Print a line to standard error."""
    Console(stderr=True, soft_wrap=True).print(sentence, highlight=False, markup=False)


def say(renderable: RenderableType) -> None:
    """Print something for people."""
    Console().print(renderable)


def _table(columns: Mapping[str, str], rows: Sequence[Mapping[str, Any]]) -> RenderableType:
    table = plain_table()
    for name, heading in columns.items():
        table.add_column(heading, justify="right" if name in RIGHT else "left", overflow="fold")
    for row in rows:
        table.add_row(*(text(row[name]) for name in columns))
    return table


def text(value: Any) -> str:
    """Return a value as people read it."""
    if value is None:
        return "–"
    if isinstance(value, datetime):
        return f"{value.astimezone(UTC):%Y-%m-%d %H:%M}"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, list):
        return ", ".join(map(str, cast("list[object]", value)))
    if isinstance(value, dict):
        return ", ".join(f"{count:,} {name}" for name, count in cast("dict[str, int]", value).items())
    return str(value)

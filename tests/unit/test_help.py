"""The command's help, as it is shown in a terminal of 80 columns: whole, for every command."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
import typer.main

from ecr_async.cli import app as app_module
from ecr_async.cli.app import app


def commands(command: Any, *path: str) -> Iterator[tuple[str, ...]]:
    yield path
    for name, found in getattr(command, "commands", {}).items():
        yield from commands(found, *path, name)


COMMANDS = list(commands(typer.main.get_command(app())))


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_nothing_of_it_is_cut_off(
    path: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    with pytest.raises(SystemExit) as ended:
        app()([*path, "-h"], prog_name="ecr-async")
    shown = capsys.readouterr().out
    assert ended.value.code == 0
    usage, *lines = shown.splitlines()
    assert usage.startswith(f"Usage: {' '.join(('ecr-async', *path))} ")
    assert max(map(len, lines)) <= 80
    assert [line for line in lines if re.search(r"\.\.\.$|…$|[a-z]…", line)] == []


def test_all_commands_were_walked() -> None:
    assert {(), ("scan",), ("policy", "check"), ("events", "tail")} <= set(COMMANDS)


@pytest.mark.parametrize("name", app_module.COMMANDS)
def test_a_command_that_is_named_is_the_only_one_and_the_same(name: str) -> None:
    [path, *others] = list(commands(typer.main.get_command(app(name))))[1:]
    assert path == (name,)
    assert [path, *others] == [found for found in COMMANDS if found[:1] == (name,)]


def test_one_that_does_not_exist_is_sought_among_all() -> None:
    assert list(commands(typer.main.get_command(app("scna")))) == COMMANDS

"""Clients as processes, and whether they are there."""

import asyncio
import shutil
from collections.abc import Mapping
from pathlib import Path

import attrs
import pytest

from tests.integration.subprocesses import ROOT, environment

__all__ = ["CLIENTS", "Command", "needs"]

CLIENTS = ROOT / ".clients"
"""Where `.ci/install-clients` puts what isn't installed for the whole machine."""


def needs(*commands: str | Path) -> pytest.MarkDecorator:
    """Mark tests that need programs or files which not every machine has."""
    missing = [str(command) for command in commands if not (shutil.which(command) or Path(command).exists())]
    return pytest.mark.skipif(
        bool(missing),
        reason=f"NOT TESTED: {', '.join(missing)} isn't installed (.ci/install-clients does it)",
    )


@attrs.frozen
class Command:
    """A program with the arguments that each call of it gets."""

    arguments: tuple[str | Path, ...]
    env: Mapping[str, str]

    async def __call__(self, *arguments: str | Path, text: str = "", check: bool = True) -> str:
        """Run the program to its end and return what it printed; a failure fails the test."""
        process = await asyncio.create_subprocess_exec(
            *self.arguments,
            *arguments,
            env={**environment(), **self.env},
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, err = await process.communicate(text.encode())
        if check:
            assert process.returncode == 0, f"{arguments}: {out.decode()}{err.decode()}"
        else:
            assert process.returncode != 0, f"{arguments}: {out.decode()}"
            return err.decode()
        return out.decode()

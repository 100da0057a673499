"""A process that ends at its nth write: `python -m tests.integration.local.crashes.points FOLDER STRIDE`.

For n = 1, 1 + STRIDE, … it forks a server and its client, which crash before their nth write point (a
statement of SQLite, a file made, linked or removed), then verifies in another fork that what was
acknowledged is whole and that rows and files agree. It ends with the first n that the workload has no write
point for.
"""

import asyncio
import itertools
import os
import pickle
import shutil
import sqlite3
import sys
import traceback
from collections.abc import Callable, Coroutine
from pathlib import Path
from random import Random
from typing import Any

from ecr_async.local import LocalECR
from tests.integration.local.crashes.workload import Facts, Writer, verify_files
from tests.integration.local.distribution.client import open_door

CRASHED = 137
FILE_EVENTS = {"os.link", "os.remove", "os.rename", "os.mkdir", "os.truncate"}
WRITING = ("BEGIN", "COMMIT", "INSERT", "UPDATE", "DELETE", "CREATE", "DROP")


class Crash:
    """Ends the process before its nth write point."""

    def __init__(self, at: int) -> None:
        self._left = at
        self.armed = False

    def install(self) -> None:
        """Count from now on."""
        connect = sqlite3.connect

        def traced(*args: Any, **options: Any) -> sqlite3.Connection:
            connection: sqlite3.Connection = connect(*args, **options)
            connection.set_trace_callback(self._statement)
            return connection

        sqlite3.connect = traced  # type: ignore[assignment]
        sys.addaudithook(self._event)

    def _statement(self, text: str) -> None:
        if text.lstrip().upper().startswith(WRITING):
            self._pass()

    def _event(self, name: str, args: tuple[Any, ...]) -> None:
        if name in FILE_EVENTS or (name == "open" and "data" in str(args[0]) and args[2] & os.O_CREAT):
            self._pass()

    def _pass(self) -> None:
        if self.armed:
            self._left -= 1
            if self._left == 0:
                os._exit(CRASHED)


# ruff: noqa: ASYNC240 - nothing else runs in the processes that are made here


async def write(folder: Path, facts_file: Path, crash: Crash) -> None:
    """Do each of the writing steps, and record after each what was acknowledged."""
    facts = Facts()
    async with (
        LocalECR(data=folder) as local,
        local.session(max_attempts=1) as session,
        open_door(local) as door,
    ):
        writer = Writer("team/app", session.service(), door, Random(3), facts)
        steps = [writer.create, writer.push, writer.push, writer.upload, writer.push, writer.untag]
        steps += [writer.policy, writer.change, writer.change, writer.archive, writer.scan, writer.cancel]
        steps += [writer.push, writer.untag, writer.delete, writer.create, writer.push]
        crash.armed = True
        for step in steps:
            before = pickle.dumps(Facts(exists=None))
            if step not in (writer.create, writer.untag, writer.delete):
                before = pickle.dumps(Facts(facts.exists, set(facts.layers), {}, set(), dict(facts.uploads)))
            facts_file.write_bytes(before)
            await step()
            facts_file.write_bytes(pickle.dumps(facts))
        facts_file.write_bytes(pickle.dumps(facts))


async def verify(folder: Path, facts_file: Path) -> None:
    """Start again, and look."""
    facts = pickle.loads(facts_file.read_bytes())
    async with LocalECR(data=folder) as local, local.session() as session, open_door(local) as door:
        await Writer("team/app", session.service(), door, Random(3), facts).verify()
    verify_files(folder)


def fork(work: Callable[[], Coroutine[Any, Any, None]]) -> int:
    """Run work in a process of its own, and return how it ended."""
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    try:
        asyncio.run(work())
        os._exit(0)
    except BaseException:
        traceback.print_exc()
        os._exit(1)


def crash_and_look(at: int, folder: Path, facts_file: Path) -> int:
    """Crash before the nth write point and look; return how the writing process ended."""
    shutil.rmtree(folder, ignore_errors=True)
    crash = Crash(at)

    async def writing() -> None:
        crash.install()
        await write(folder, facts_file, crash)

    status = fork(writing)
    if status not in (0, CRASHED) or fork(lambda: verify(folder, facts_file)):
        sys.exit(f"write point {at}")
    return status


def main() -> None:
    """Crash at every point in turn."""
    base = Path(sys.argv[1])
    points = itertools.count(1, int(sys.argv[2]))
    while crash_and_look(next(points), base / "data", base / "facts") == CRASHED:
        pass
    print("whole")


if __name__ == "__main__":
    main()

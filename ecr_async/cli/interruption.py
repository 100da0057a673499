"""Interruptions from outside: after Ctrl+C, SIGTERM or SIGHUP a command cleans up, and its exit status
names the signal.
"""

import asyncio
import signal
import sys
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any, NoReturn, TypeVar

__all__ = ["run"]

T = TypeVar("T")

SIGNALS = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]


def run(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run a command's coroutine to its end.

    A signal cancels it; when it has cleaned up, the process exits with 128 and the signal's number, as
    shells have it. A second signal ends it at once.
    """
    received: list[int] = []
    try:
        return asyncio.run(_cancelled_by_signals(coroutine, received))
    except asyncio.CancelledError:
        if not received:
            raise
        _exit(received[0])


async def _cancelled_by_signals(coroutine: Coroutine[Any, Any, T], received: list[int]) -> T:
    loop = asyncio.get_running_loop()
    task = loop.create_task(coroutine)

    def interrupt(number: int) -> None:
        received.append(number)
        task.cancel()
        for each in SIGNALS:
            loop.remove_signal_handler(each)

    with suppress(NotImplementedError):  # on Windows, where Ctrl+C interrupts the loop itself
        for number in SIGNALS:
            loop.add_signal_handler(number, interrupt, number)
    return await task


def _exit(number: int) -> NoReturn:
    print(f"ecr-async: ended by {signal.Signals(number).name}", file=sys.stderr)
    sys.exit(128 + number)

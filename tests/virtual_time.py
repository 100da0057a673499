"""An event loop whose clock jumps to the next timer as soon as nothing else is left to do.

An hour of waiting takes no time, and every pause has exactly the length that was requested:

    @in_virtual_time
    async def test_patience() -> None:
        await asyncio.sleep(3600)
        assert asyncio.get_running_loop().time() == 3600
"""

import asyncio
import functools
import selectors
from collections.abc import Callable, Coroutine, Generator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, ParamSpec, TypeVar, TypeVarTuple, Unpack

P = ParamSpec("P")
T = TypeVar("T")
Ts = TypeVarTuple("Ts")


REAL_SECONDS = 0.05
"""Between two looks at whether something is at work: a thread whose caller was cancelled tells nobody."""

LOOKS = 100
"""After so many, what is at work waits for a timer itself, and the clock goes on."""


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """A real event loop, sockets and threads included, but for its clock, which starts at 0."""

    def __init__(self) -> None:
        super().__init__(_JumpingSelector(self))
        self.now = 0.0
        self.at_work: set[object] = set()
        """What goes on in real time, and the clock waits for."""

    def time(self) -> float:
        return self.now

    async def shutdown_default_executor(self, timeout: float | None = None) -> None:
        """Wait for threads however long they take: their time is real."""
        await super().shutdown_default_executor()


class _JumpingSelector(selectors.DefaultSelector):
    """Where a loop would wait for its next timer, puts its clock forward instead."""

    def __init__(self, loop: VirtualTimeLoop) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            return super().select(None)
        ready = super().select(0)
        looks = LOOKS if timeout > 0 else 0
        while looks and not ready and self._loop.at_work:
            ready = super().select(REAL_SECONDS)
            looks -= 1
        if not ready:
            self._loop.now += timeout
        return ready


class ThreadsLoop(VirtualTimeLoop):
    """One whose clock stands still while threads work for it, so that nobody's time runs out meanwhile."""

    def __init__(self) -> None:
        super().__init__()
        self._threads = ThreadPoolExecutor()

    def run_in_executor(
        self, executor: Executor | None, func: Callable[[Unpack[Ts]], T], *args: *Ts
    ) -> asyncio.Future[T]:
        work = (executor or self._threads).submit(func, *args)
        self.at_work.add(work)
        work.add_done_callback(self.at_work.discard)
        return asyncio.wrap_future(work, loop=self)

    async def shutdown_default_executor(self, timeout: float | None = None) -> None:
        self._threads.shutdown(wait=True)


@contextmanager
def in_real_time() -> Generator[None, None, None]:
    """Have the clock of a `VirtualTimeLoop` stand still for what sockets do in their own time."""
    loop = asyncio.get_running_loop()
    at_work: set[object] = getattr(loop, "at_work", set())
    block = object()
    at_work.add(block)
    try:
        yield
    finally:
        at_work.discard(block)


def run(
    coroutine: Coroutine[Any, Any, T], loop_factory: Callable[[], VirtualTimeLoop] = VirtualTimeLoop
) -> T:
    """Run to the end in virtual time."""
    with asyncio.Runner(loop_factory=loop_factory) as runner:
        return runner.run(coroutine)


def in_virtual_time(test: Callable[P, Coroutine[Any, Any, T]]) -> Callable[P, T]:
    """Make a plain test of a coroutine function that runs in virtual time."""

    @functools.wraps(test)
    def run_test(*args: P.args, **kwargs: P.kwargs) -> T:
        return run(test(*args, **kwargs))

    return run_test

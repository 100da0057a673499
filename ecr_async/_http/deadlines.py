"""How long attempts may take: one timer for all that are under way, instead of one for each.

All attempts of a pool have the same time, so the one that began first is the first whose time is up,
and there is nothing to sort. A timer of asyncio's for each attempt, which as a rule is cancelled unused,
costs a twelfth of a small call.
"""

import asyncio
from types import TracebackType

__all__ = ["Deadlines"]


class Deadlines:
    """The deadlines of a pool's attempts, each `seconds` after its beginning.

    `with deadlines.begin():` makes an attempt in the current task; it ends in a `TimeoutError` when its
    time is up. Belongs to one event loop, whose clock it goes by.

    A single timer is set, for the oldest attempt that is under way at that moment. When it rings, those
    whose time is up are cancelled, and it is set for the oldest one left.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self.running: dict[Deadline, None] = {}
        """Those under way, the oldest first."""

    def begin(self) -> "Deadline":
        """Begin an attempt."""
        deadline = Deadline(self, self._loop.time() + self._seconds)
        self.running[deadline] = None
        if self._timer is None:
            self._timer = self._loop.call_at(deadline.when, self._ring)
        return deadline

    def close(self) -> None:
        """Bound nothing any more."""
        self.running.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _ring(self) -> None:
        self._timer = None
        now = self._loop.time()
        for deadline in list(self.running):
            if deadline.when > now:
                self._timer = self._loop.call_at(deadline.when, self._ring)
                break
            deadline.pass_by()


class Deadline:
    """When one attempt's time is up, and how it ends by then: as `asyncio.timeout` ends what is in it."""

    __slots__ = ("_cancelling", "_deadlines", "_is_over", "_task", "when")

    def __init__(self, deadlines: Deadlines, when: float) -> None:
        task = asyncio.current_task()
        assert task is not None, "coroutines run in tasks"
        self._deadlines = deadlines
        self._task = task
        self._cancelling = task.cancelling()
        self._is_over = False
        self.when = when

    def pass_by(self) -> None:
        """Cancel the attempt."""
        self._is_over = True
        self._deadlines.running.pop(self, None)
        self._task.cancel()

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self._is_over:
            self._deadlines.running.pop(self, None)
        elif self._task.uncancel() <= self._cancelling and kind is asyncio.CancelledError:
            raise TimeoutError from error  # and where somebody else cancelled the task as well, it is cancelled

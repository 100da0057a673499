"""How long attempts may take: one timer for all that are under way, instead of one for each.

A timer of asyncio's for each attempt, which as a rule is cancelled unused, costs a twelfth of a small call.
"""

import asyncio
import math
from types import TracebackType
from typing import Self

__all__ = ["Deadline", "Deadlines"]


class Deadlines:
    """The deadlines of a pool's attempts, each `seconds` after its beginning, or never.

    `with deadlines.begin():` makes an attempt in the current task; it ends in a `TimeoutError` when its
    time is up. Belongs to one event loop, whose clock it uses.

    A single timer is set, for a moment when the first attempt's time may be up. When it fires, those whose
    time is up are cancelled, and it is set for the first of those left.
    """

    def __init__(self, seconds: float | None) -> None:
        self.seconds = math.inf if seconds is None else seconds
        self.loop = asyncio.get_running_loop()
        self.running: set[Deadline] = set()
        self._timer: asyncio.TimerHandle | None = None

    def begin(self) -> "Deadline":
        """Begin an attempt."""
        deadline = Deadline(self, self.seconds, self.loop.time() + self.seconds)
        self.running.add(deadline)
        if self._timer is None and self.seconds < math.inf:
            self._timer = self.loop.call_at(deadline.when, self._ring)
        return deadline

    def close(self) -> None:
        """End every attempt now."""
        for deadline in list(self.running):
            deadline.expire()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _ring(self) -> None:
        self._timer = None
        now = self.loop.time()
        for deadline in [each for each in self.running if each.when <= now]:
            deadline.expire()
        if self.running:
            self._timer = self.loop.call_at(min(each.when for each in self.running), self._ring)


class Deadline:
    """When one attempt's time is up, and how it ends by then: as `asyncio.timeout` ends what is in it."""

    __slots__ = ("_cancelling", "_deadlines", "_is_over", "_seconds", "_task", "when")

    def __init__(self, deadlines: Deadlines, seconds: float, when: float) -> None:
        task = asyncio.current_task()
        assert task is not None, "coroutines run in tasks"
        self._deadlines = deadlines
        self._seconds = seconds
        self._task = task
        self._cancelling = task.cancelling()
        self._is_over = False
        self.when = when

    def add_allowance(self, seconds: float) -> None:
        """Let the attempt take this much longer than others."""
        self._seconds += seconds
        self.when += seconds

    def extend_for_progress(self, seconds: float) -> None:
        """Give the attempt more time for its progress, but never more from now on than it had in all."""
        self.when = min(self.when + seconds, self._deadlines.loop.time() + self._seconds)

    def expire(self) -> None:
        """Cancel the attempt."""
        self._is_over = True
        self._deadlines.running.discard(self)
        self._task.cancel()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self._is_over:
            self._deadlines.running.discard(self)
        elif self._task.uncancel() <= self._cancelling and kind is asyncio.CancelledError:
            raise TimeoutError from error  # if another caller cancelled the task too, let that cancellation through

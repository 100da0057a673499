"""The embedded ECR's time, which tests move: ages, expiries and schedules follow without waiting."""

import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from ecr_async._arguments import number_fault
from ecr_async.errors import ConfigurationError

__all__ = ["LocalClock"]

LATEST = datetime(9998, 12, 31, tzinfo=UTC).timestamp()
"""The latest time, in seconds since the epoch: what expires a year after it has a date, too."""

FARTHEST_SKEW = 100 * 366 * 24 * 60 * 60


class LocalClock:
    """A clock that can be set, advanced and stopped; called, it returns seconds since the epoch.

        local.clock.advance(timedelta(days=30))
        with local.clock.frozen(datetime(2026, 3, 1, tzinfo=UTC)):
            ...

    What the server records follows it, and what expires: images' ages, authorization tokens, download URLs,
    uploads. Signatures are held against the real time and `skew`. `base` is the time that it starts from.
    """

    def __init__(self, base: Callable[[], float] = time.time) -> None:
        self._base = base
        self._offset = 0.0
        self._stopped_at: float | None = None
        self._skew = 0.0

    def __call__(self) -> float:
        """Return the time in seconds since the epoch."""
        return self._base() + self._offset if self._stopped_at is None else self._stopped_at

    def check(self) -> None:
        """Raise `ConfigurationError` if `base` doesn't return a time."""
        reading: object = self._base()
        if number_fault(reading, least=0, most=LATEST):
            raise ConfigurationError(f"clock must return seconds since the epoch, not {reading!r:.80}")

    @property
    def now(self) -> datetime:
        """The time, in UTC."""
        return datetime.fromtimestamp(self(), UTC)

    @property
    def skew(self) -> float:
        """Seconds by which the clock that signatures are held against differs from the real time.

        Raises `ConfigurationError` for more than 100 years.
        """
        return self._skew

    @skew.setter
    def skew(self, seconds: float) -> None:
        if fault := number_fault(seconds, least=-FARTHEST_SKEW, most=FARTHEST_SKEW, unit=" seconds"):
            raise ConfigurationError(f"the clock's skew {fault}")
        self._skew = seconds

    @property
    def is_stopped(self) -> bool:
        """Whether the time stands still."""
        return self._stopped_at is not None

    def set(self, moment: datetime) -> None:
        """Go on from `moment`. Raises `ConfigurationError` for a naive datetime."""
        if (offset_of := getattr(moment, "utcoffset", None)) is None or offset_of() is None:
            raise ConfigurationError("the clock is set to an aware datetime, such as one in UTC")
        self.advance(moment.timestamp() - self())

    def advance(self, duration: timedelta | float) -> None:
        """Go forward by a duration; a number is in seconds. A negative one goes back.

        Raises `ConfigurationError` for a time before 1970 or after the year 9998.
        """
        seconds = duration.total_seconds() if isinstance(duration, timedelta) else duration
        if fault := number_fault(seconds, unit=" seconds"):
            raise ConfigurationError(f"the duration {fault}")
        if not 0 <= self() + seconds <= LATEST:
            raise ConfigurationError("the clock goes from 1970 to the end of the year 9998")
        if self._stopped_at is None:
            self._offset += seconds
        else:
            self._stopped_at += seconds

    def stop(self) -> None:
        """Stand still until `start`; `set` and `advance` still move it."""
        self._stopped_at = self()

    def start(self) -> None:
        """Go on from where it stands."""
        if self._stopped_at is not None:
            self._offset, self._stopped_at = self._stopped_at - self._base(), None

    def reset(self) -> None:
        """Return to the real time."""
        self._offset, self._stopped_at, self._skew = 0.0, None, 0.0

    @contextmanager
    def frozen(self, moment: datetime | None = None) -> Generator[None, None, None]:
        """Stand still in the block, at `moment` if one is given, and return to the real time after it."""
        self.stop()
        try:
            if moment is not None:
                self.set(moment)
            yield
        finally:
            self.reset()

"""How the embedded ECR misbehaves when a test wants it to: faults and rate limits.

Nothing here does I/O; `interference` carries it out.
"""

import itertools
import random
import re
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from fnmatch import fnmatchcase
from typing import Any, Literal, Self, TypeAlias, get_args

import attrs

from ecr_async._arguments import number_fault
from ecr_async.errors import ConfigurationError
from ecr_async.local.operations import HANDLERS

__all__ = ["Behaviour", "Fault", "FaultKind", "RateLimit", "check_operation"]

FaultKind: TypeAlias = Literal[
    "delay", "error", "throttle", "page", "drop", "reset", "hang", "truncate", "slow"
]
"""What goes wrong.

- `delay`: the request waits for `seconds` first. Other faults may affect it as well.
- `error`: an error of the API: `status`, `code` and `message`.
- `throttle`: ECR's own "Rate exceeded".
- `page`: an HTML page with `status`, as of a proxy on the way.
- `drop`: the connection is closed, `reset`: it is reset, `hang`: it is kept open, all without a response.
- `truncate`: the response breaks off in the middle.
- `slow`: the response's body comes with `bytes_per_second`.
"""

KINDS = get_args(FaultKind)
MOST_SECONDS = 24 * 3600
MOST_CALLS = 1_000_000_000
RATE = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,9})?)/s(?:,burst=([0-9]{1,9}))?")


def check_operation(name: str, value: object) -> str:
    """Return what faults and rate limits know requests by; raises `ConfigurationError` if it is never met."""
    known = isinstance(value, str) and (
        " " in value or any(fnmatchcase(handled, value) for handled in HANDLERS)
    )
    if not known:
        raise ConfigurationError(
            f"{name} must name an operation, such as DescribeImages or Describe*, or METHOD /path, not {value!r:.80}"
        )
    return str(value)


def _number(**bounds: Any) -> Any:
    """Return a validator that holds a fault's number within bounds."""

    def check(_: object, field: "attrs.Attribute[Any]", value: object) -> None:
        if value is None and field.default is None:
            return
        if fault := number_fault(value, **bounds):
            raise ConfigurationError(f"a fault's {field.name} {fault}")

    return check


def _typed(form: type, what: str) -> Any:
    """Return a validator that wants a fault's member to be of a type."""

    def check(_: object, field: "attrs.Attribute[Any]", value: object) -> None:
        if not isinstance(value, form):
            raise ConfigurationError(f"a fault's {field.name} must be {what}, not {type(value).__name__}")

    return check


def _operation(_: object, field: "attrs.Attribute[Any]", value: object) -> None:
    check_operation(f"a fault's {field.name}", value)


def _kind(_: object, field: "attrs.Attribute[Any]", value: object) -> None:
    if value not in KINDS:
        raise ConfigurationError(f"a fault's kind must be one of {', '.join(KINDS)}, not {value!r:.80}")


@attrs.frozen(kw_only=True)
class Fault:
    """Something that goes wrong with requests. Raises `ConfigurationError` for invalid values."""

    kind: FaultKind = attrs.field(validator=_kind)
    operation: str = attrs.field(default="*", validator=_operation)
    """Which requests: an operation's name or, for other doors, `METHOD /path`. `*` stands for any
    characters.
    """
    times: int | None = attrs.field(default=None, validator=_number(least=1, whole=True))
    """How many requests; None for all, until the fault is cleared."""
    probability: float = attrs.field(default=1.0, validator=_number(least=0, most=1))
    """The share of requests, from 0 to 1, chosen at random."""
    after: bool = attrs.field(default=False, validator=_typed(bool, "True or False"))
    """Whether the request is carried out first and only its response is lost: for `drop`, `reset`
    and `hang`.
    """
    seconds: float = attrs.field(default=0.0, validator=_number(least=0, most=MOST_SECONDS))
    """For `delay`."""
    status: int = attrs.field(default=500, validator=_number(least=400, most=599, whole=True))
    """The HTTP status, for `error` and `page`."""
    code: str = attrs.field(default="ServerException", validator=_typed(str, "a string"))
    """For `error`."""
    message: str = attrs.field(default="injected", validator=_typed(str, "a string"))
    """For `error`."""
    bytes_per_second: int = attrs.field(default=1024, validator=_number(least=1, whole=True))
    """For `slow`."""


@attrs.frozen
class RateLimit:
    """A token bucket: so many calls a second, and `burst` at once after a rest."""

    rate: float
    burst: float

    def __attrs_post_init__(self) -> None:
        if fault := number_fault(self.rate, above=0, most=MOST_CALLS):
            raise ConfigurationError(f"a rate limit's rate {fault}")
        if fault := number_fault(self.burst, least=1, most=MOST_CALLS):
            raise ConfigurationError(f"a rate limit's burst {fault}")

    @classmethod
    def parse(cls, text: object) -> Self:
        """Return the limit in `20/s` or `20/s,burst=40`. Raises `ConfigurationError`."""
        found = isinstance(text, str) and RATE.fullmatch(text.replace(" ", ""))
        if not found:
            raise ConfigurationError(f"a rate limit is written like 20/s or 20/s,burst=40, not {text!r:.40}")
        return cls(float(found[1]), float(found[2] or max(1.0, float(found[1]))))


class _Bucket:
    def __init__(self, limit: RateLimit, now: float) -> None:
        self.limit = limit
        self._tokens = limit.burst
        self._filled = now

    def admit(self, now: float) -> bool:
        self._tokens = min(self.limit.burst, self._tokens + (now - self._filled) * self.limit.rate)
        self._filled = now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True


@attrs.define
class _Injected:
    fault: Fault
    left: int | None


class Behaviour:
    """The faults and rate limits in force. Changes take effect with the next request.

    `random` returns a float from 0 to 1, `monotonic` is a clock in seconds.
    """

    def __init__(
        self,
        *,
        random: Callable[[], float] = random.random,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._random = random
        self._monotonic = monotonic
        self._numbers = itertools.count(1)
        self._injected: dict[int, _Injected] = {}
        self._rates: dict[str, RateLimit] = {}
        self._buckets: dict[tuple[str, str, str], _Bucket] = {}

    @property
    def faults(self) -> dict[int, Fault]:
        """The faults in force, by number."""
        return {number: injected.fault for number, injected in self._injected.items()}

    @property
    def rates(self) -> dict[str, RateLimit]:
        """The rate limits in force, by operation."""
        return dict(self._rates)

    def inject(self, fault: Fault) -> int:
        """Put a fault in force; return the number to clear it by."""
        _check_fault(fault)
        number = next(self._numbers)
        self._injected[number] = _Injected(fault, fault.times)
        return number

    def clear(self, number: int | None = None) -> None:
        """Clear one fault, or all of them."""
        if number is None:
            self._injected.clear()
        else:
            self._injected.pop(number, None)

    @contextmanager
    def injected(self, *faults: Fault) -> Generator[None, None, None]:
        """Put faults in force for the block."""
        for fault in faults:
            _check_fault(fault)
        numbers = [self.inject(fault) for fault in faults]
        try:
            yield
        finally:
            for number in numbers:
                self.clear(number)

    def limit(self, rates: Mapping[str, RateLimit]) -> None:
        """Replace the rate limits. Each operation of an account in a region has a bucket of its own."""
        for name, rate in rates.items():
            if not isinstance(rate, RateLimit):  # pyright: ignore[reportUnnecessaryIsInstance]
                raise ConfigurationError(f"rates[{name!r}] must be a RateLimit, not {type(rate).__name__}")
        self._rates = dict(rates)
        self._buckets.clear()

    def admits(self, operation: str, registry: tuple[str, str]) -> bool:
        """Whether the rate limits admit a request; it takes a token if they do."""
        limit = next((limit for name, limit in self._rates.items() if fnmatchcase(operation, name)), None)
        if limit is None:
            return True
        key = operation, *registry
        now = self._monotonic()
        if key not in self._buckets:
            self._buckets[key] = _Bucket(limit, now)
        return self._buckets[key].admit(now)

    def strike(self, operation: str) -> list[Fault]:
        """Return the faults that apply to a request: every delay, and the first of any other kind."""
        struck: list[Fault] = []
        for number, injected in list(self._injected.items()):
            fault = injected.fault
            if not fnmatchcase(operation, fault.operation):
                continue
            if fault.kind != "delay" and any(other.kind != "delay" for other in struck):
                continue
            if fault.probability < 1 and self._random() >= fault.probability:
                continue
            struck.append(fault)
            if injected.left is not None:
                injected.left -= 1
                if injected.left == 0:
                    self.clear(number)
        return struck


def _check_fault(fault: object) -> None:
    if not isinstance(fault, Fault):
        raise ConfigurationError(
            f"faults are objects like Fault(kind='throttle', times=3), not {type(fault).__name__}"
        )

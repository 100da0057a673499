"""Which operations a session calls."""

from collections import defaultdict
from contextlib import nullcontext

__all__ = ["Operations"]


class Operations:
    """A telemetry that remembers which operations were called in which region."""

    def __init__(self) -> None:
        self.called: defaultdict[str, set[str]] = defaultdict(set)

    def call(self, operation: str, region: str, _: object) -> nullcontext[None]:
        self.called[region].add(operation)
        return nullcontext()

    def attempt(self, record: object) -> None:
        """Nothing is made of attempts."""

"""The options of a scan of findings."""

import attrs

from ecr_async._bulk.concurrency import check_concurrency
from ecr_async.errors import ValidationError
from ecr_async.waiters import PollDelays

__all__ = ["FindingsOptions"]

POLL_DELAYS = PollDelays(first=2.0)


@attrs.frozen(kw_only=True)
class FindingsOptions:
    """The options of `scan_findings`, checked."""

    start: bool = False
    wait: float = 0.0
    delays: PollDelays = POLL_DELAYS
    max_findings: int | None = None
    concurrency: int = 64
    patience: float = 600.0

    def __attrs_post_init__(self) -> None:
        check_concurrency(self.concurrency)
        if self.wait < 0:
            raise ValidationError("wait", f"must be at least 0 seconds, not {self.wait}")
        if self.max_findings is not None and self.max_findings < 0:
            raise ValidationError("max_findings", f"must be at least 0, not {self.max_findings}")

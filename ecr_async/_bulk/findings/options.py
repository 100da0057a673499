"""The options of a scan of findings."""

import attrs

from ecr_async._arguments import check_kinds, check_number
from ecr_async.waiters import PollDelays

__all__ = ["POLL_DELAYS", "FindingsOptions"]

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
        check_kinds(bool, start=self.start)
        check_kinds(PollDelays, delays=self.delays)
        check_number("concurrency", self.concurrency, least=1, whole=True)
        check_number("wait", self.wait, least=0, unit=" seconds")
        check_number("patience", self.patience, above=0, unit=" seconds")
        if self.max_findings is not None:
            check_number("max_findings", self.max_findings, least=0, whole=True)

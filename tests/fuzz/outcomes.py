"""What all targets agree on: which exceptions are allowed, and what these may say."""

import asyncio
import traceback
from collections.abc import Iterable

from ecr_async.errors import ECRError

__all__ = ["CANARY", "LONGEST", "LOOP", "rejected"]

CANARY = "canaryCANARYcanaryCANARY1234567890+/"
"""Stands in inputs where secrets stand."""

LONGEST = 20_000
"""Characters of a message; one that is longer repeats its input."""

LOOP = asyncio.new_event_loop()
"""The event loop of this process, for what is tried by coroutines."""


def rejected(error: ECRError, secrets: Iterable[str] = (), *, longest: int = LONGEST, holds: str = "") -> str:
    """Return the name of a typed error, once it is seen to hold no secret, what it should, and not too
    much.
    """
    told = f"{error} {error!r} {vars(error)}"
    assert len(told) < longest, f"a message of {len(told):,} characters"
    assert holds in told
    for secret in secrets:
        assert secret not in told
        assert secret not in "".join(traceback.format_exception(error))
    return type(error).__name__

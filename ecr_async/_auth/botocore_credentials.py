"""Converts credentials of botocore's classes into ours.

botocore keeps temporary credentials in objects that renew themselves when they are read, over the network
if need be; aiobotocore's are read with `await`.
"""

from __future__ import annotations

import bisect
import inspect
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from ecr_async._auth.credentials import Credentials
from ecr_async._auth.daemon_thread import run_in_daemon_thread
from ecr_async._secret import hide
from ecr_async.errors import CredentialsError

__all__ = ["adopt", "read"]

_TEN_YEARS = 10 * 366 * 24 * 60 * 60


async def adopt(given: Any) -> Credentials:
    """Return what a provider has supplied as `Credentials`.

    Takes credentials of botocore's, renewing or frozen, and those of aiobotocore. Raises
    `CredentialsError` for anything else.
    """
    if isinstance(given, Credentials):
        return given
    if inspect.iscoroutinefunction(getattr(given, "get_frozen_credentials", None)):
        return _frozen(await given.get_frozen_credentials(), _expiry(given))
    if hasattr(given, "get_frozen_credentials"):
        return await run_in_daemon_thread(partial(read, given))
    if all(hasattr(given, name) for name in ("access_key", "secret_key", "token")):
        return _frozen(given, None)
    raise CredentialsError(f"the credentials provider supplied {type(given).__name__}, not Credentials")


def read(found: Any) -> Credentials:
    """Return what a credentials object of botocore's holds; it may renew itself for that, and block."""
    try:
        frozen = found.get_frozen_credentials()
    except RuntimeError:
        # botocore has just renewed them and thinks them expired, by this machine's clock. That may be off:
        # the service's is what counts, so they are read as they are.
        expires_at = _expiry(found)
        found.refresh_needed = _never
        return _frozen(found.get_frozen_credentials(), expires_at)
    return _frozen(frozen, _expiry(found))


def _never(refresh_in: int | None = None) -> bool:
    return False


def _frozen(held: Any, expires_at: datetime | None) -> Credentials:
    # The values go straight into the call: as local variables a traceback could show them.
    return Credentials(held.access_key, hide(held.secret_key), hide(held.token), expires_at)


def _expiry(found: Any) -> datetime | None:
    """When botocore's credentials expire.

    botocore doesn't expose the time, only whether fewer than a given number of seconds are left, so this
    searches for the number at which that becomes true.
    """
    if not hasattr(found, "refresh_needed"):
        return None
    now = datetime.now(UTC)
    seconds = range(-_TEN_YEARS, _TEN_YEARS)
    turns_at = bisect.bisect_left(seconds, True, key=found.refresh_needed)
    return None if turns_at == len(seconds) else now + timedelta(seconds=seconds[turns_at] - 1)

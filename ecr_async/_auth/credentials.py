"""Credentials, and the type of their providers.

A provider is any coroutine function that returns `Credentials`; `botocore_chain`, in the module of that
name, is the one that a session uses unless it is given another.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any, TypeAlias

import attrs

from ecr_async._secret import hide
from ecr_async.errors import CredentialsError

__all__ = ["Credentials", "CredentialsProvider", "static"]


def _check_key_id(_: Any, field: attrs.Attribute[Any], value: Any) -> None:
    _check_secret(_, field, value)
    if any(not "!" <= character <= "~" or character in "/,=" for character in value):
        raise CredentialsError(f"{field.name} holds a character that no access key ID has")


def _check_secret(_: Any, field: attrs.Attribute[Any], value: Any) -> None:
    if not isinstance(value, str):
        kind = value.__name__ if isinstance(value, type) else type(value).__name__
        raise CredentialsError(
            f"{field.name} is missing" if value is None else f"{field.name} must be a str, not {kind}"
        )
    if not value:
        raise CredentialsError(f"{field.name} is empty")
    if value != value.strip():
        raise CredentialsError(
            f"{field.name} begins or ends with white space; was it read from a file, line end and all?"
        )
    if not value.isprintable():
        raise CredentialsError(f"{field.name} holds a line end or another control character")


def _check_expiry(_: Any, field: attrs.Attribute[Any], value: Any) -> None:
    if value is None:
        return
    if not isinstance(value, datetime):
        raise CredentialsError(f"{field.name} must be a datetime, not {type(value).__name__}")
    if value.utcoffset() is None:
        raise CredentialsError(f"{field.name} must be an aware datetime, such as one in UTC")


@attrs.frozen(init=False)
class Credentials:
    """An access key that signs requests. `repr` shows neither its secret nor the token.

    Args:
        access_key_id: The key's name, such as `AKIAIOSFODNN7EXAMPLE`.
        secret_access_key: The key's secret.
        session_token: The token that goes with temporary credentials; None or empty for permanent ones.
        expires_at: When they expire, as an aware datetime; None if they don't.

    Raises `CredentialsError`, which names the field and never its value, for anything that cannot be one
    of these: not a string, empty, with white space around it or a control character in it.
    """

    access_key_id: str = attrs.field(validator=_check_key_id)
    secret_access_key: str = attrs.field(repr=False, validator=_check_secret)
    session_token: str | None = attrs.field(
        default=None, repr=False, validator=attrs.validators.optional(_check_secret)
    )
    expires_at: datetime | None = attrs.field(default=None, validator=_check_expiry)

    def __init__(
        self,
        access_key_id: str,
        secret_access_key: str,
        session_token: str | None = None,
        expires_at: datetime | None = None,
    ) -> None:
        # The parameters are rebound, so that a traceback that shows local variables shows no secret.
        secret_access_key, session_token = hide(secret_access_key), hide(session_token)
        object.__setattr__(self, "access_key_id", access_key_id)
        object.__setattr__(self, "secret_access_key", secret_access_key)
        object.__setattr__(self, "session_token", session_token or None)
        object.__setattr__(self, "expires_at", expires_at)
        attrs.validate(self)


CredentialsProvider: TypeAlias = Callable[[], Awaitable[Credentials]]
"""Supplies credentials, newer ones each time that it is called. Credentials of botocore's own class, or
aiobotocore's, will do as well. Any exception becomes the cause of a `CredentialsError`, so it should hold
no secret."""


def static(credentials: Credentials) -> CredentialsProvider:
    """Return a provider that always supplies `credentials`."""

    async def provide() -> Credentials:
        return credentials

    return provide

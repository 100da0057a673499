"""The arguments of `LocalECR`, checked before anything starts: each error names one and what it may be."""

import math
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import cast, get_args

from ecr_async._arguments import as_path, number_fault
from ecr_async.errors import ConfigurationError, ValidationError
from ecr_async.local.addresses import ACCOUNT_ID, REGION_NAME, UriStyle
from ecr_async.local.authentication import AccessKey
from ecr_async.local.http.behaviour import RateLimit, check_operation

__all__ = [
    "KEY_ID",
    "account_fault",
    "check_account",
    "check_function",
    "check_key_id",
    "check_number",
    "check_path",
    "check_region",
    "check_requests",
    "check_switches",
    "check_text",
    "check_tls",
    "check_uri_style",
    "read_keys",
    "read_rates",
    "region_fault",
]

MOST_POLLS = 1_000_000
URI_STYLES = get_args(UriStyle)
KEY_ID = re.compile("[A-Za-z0-9_-]+")


def account_fault(value: object) -> str | None:
    """Return what is wrong with an account's number, None if nothing is."""
    if isinstance(value, str) and ACCOUNT_ID.fullmatch(value):
        return None
    return f"must be a string of 12 digits, not {_shown(value)}"


def region_fault(value: object) -> str | None:
    """Return what is wrong with a region's name, None if nothing is."""
    if isinstance(value, str) and REGION_NAME.fullmatch(value):
        return None
    return f"must be a region's name, such as us-east-1, not {_shown(value)}"


def check_account(name: str, value: object) -> None:
    """Check the number of an account."""
    if fault := account_fault(value):
        raise ConfigurationError(f"{name} {fault}")


def check_region(name: str, value: object) -> None:
    """Check the name of a region: one that registries' host names can have, whether or not AWS has it."""
    if fault := region_fault(value):
        raise ConfigurationError(f"{name} {fault}")


def check_text(**texts: object) -> None:
    """Check that each is a string with something in it."""
    for name, value in texts.items():
        if not isinstance(value, str) or not value:
            given = "an empty one" if value == "" else type(value).__name__
            raise ConfigurationError(f"{name} must be a string with something in it, not {given}")


def check_switches(**switches: object) -> None:
    """Check that each is True or False."""
    for name, value in switches.items():
        if not isinstance(value, bool):
            raise ConfigurationError(f"{name} must be True or False, not {_shown(value)}")


def check_number(name: str, value: object, *, most: int = MOST_POLLS) -> None:
    """Check a number that is whole and not negative."""
    if fault := number_fault(value, least=0, most=most, whole=True):
        raise ConfigurationError(f"{name} {fault}")


def check_uri_style(value: object) -> None:
    """Check the form of URIs."""
    if value not in URI_STYLES:
        raise ConfigurationError(f"uri_style must be one of {', '.join(URI_STYLES)}, not {_shown(value)}")


def check_path(name: str, value: object) -> Path:
    """Return a path; raises `ConfigurationError` for what cannot be one."""
    path = as_path(value)
    if path is None:
        raise ConfigurationError(f"{name} must be a path, as a string or a Path, not {_shown(value)}")
    return path


def check_tls(value: object) -> bool | tuple[Path, Path]:
    """Return whether to serve by TLS, or the certificate and the key to do it with."""
    if isinstance(value, bool):
        return value
    shown = _shown(value)
    pair = cast("tuple[object, ...]", value) if isinstance(value, tuple) else ()
    if len(pair) != 2:
        raise ConfigurationError(
            f"tls must be True, False, or the paths of a certificate and its key, not {shown}"
        )
    certificate, key = pair
    return check_path("tls[0]", certificate), check_path("tls[1]", key)


def check_function(name: str, value: object, method: str | None = None) -> None:
    """Check that something can be called, or that it has a method."""
    if callable(value) or (method is not None and callable(getattr(value, method, None))):
        return
    either = f", or an object with a method {method}" if method else ""
    raise ConfigurationError(f"{name} must be a function{either}, not {_shown(value)}")


def check_requests(requests: object) -> None:
    """Check that there may be requests in something."""
    if isinstance(requests, str | bytes) or not isinstance(requests, Iterable):
        raise ValidationError("requests", f"must be an iterable of requests, not {_shown(requests)}")


def read_rates(rates: object) -> dict[str, RateLimit]:
    """Return rate limits by operation; raises `ConfigurationError`."""
    return {
        check_operation(f"rates[{name!r}]", name): _rate(f"rates[{name!r}]", rate)
        for name, rate in _entries("rates", rates, "rate limits by operation")
    }


def _rate(where: str, rate: object) -> RateLimit:
    if isinstance(rate, RateLimit):
        return rate
    try:
        return RateLimit.parse(rate)
    except ConfigurationError as error:
        raise ConfigurationError(f"{where}: {error}") from None


def read_keys(keys: object) -> dict[str, AccessKey]:
    """Return access keys by their identifiers; raises `ConfigurationError`, which holds no secret."""
    return {
        check_key_id("the id of an access key", name): _key(f"keys[{name!r}]", key)
        for name, key in _entries("keys", keys, "access keys by their ids")
    }


def check_key_id(where: str, name: object) -> str:
    """Return an access key's identifier; raises `ConfigurationError` for one that a signature cannot name."""
    if not isinstance(name, str) or not KEY_ID.fullmatch(name):
        raise ConfigurationError(f"{where} must be a string of letters and digits, not {_shown(name)}")
    return name


def _key(where: str, key: object) -> AccessKey:
    parts = cast("tuple[object, ...]", key) if isinstance(key, tuple) else ()
    if len(parts) not in (2, 3) or not all(isinstance(part, str) and part for part in parts):
        raise ConfigurationError(
            f"{where} must be the secret, the account and perhaps the ARN of a principal"
        )
    secret, account, *principal = cast("tuple[str, ...]", parts)
    check_account(f"the account in {where}", account)
    if principal and not principal[0].startswith("arn:"):
        raise ConfigurationError(f"the principal in {where} must be an ARN, not {_shown(principal[0])}")
    return AccessKey(secret, account, *principal)


def _entries(name: str, value: object, what: str) -> Iterable[tuple[object, object]]:
    if value is None:
        return ()
    if not isinstance(value, Mapping):
        raise ConfigurationError(f"{name} must be a mapping of {what}, not {_shown(value)}")
    return cast("Mapping[object, object]", value).items()


def _shown(value: object) -> str:
    """Return a value that can be shown briefly, and else its type."""
    if isinstance(value, str):
        return repr(value[:80])
    if isinstance(value, bool | int) or (isinstance(value, float) and not math.isfinite(value)):
        return f"{type(value).__name__} {value}"[:80]
    return type(value).__name__

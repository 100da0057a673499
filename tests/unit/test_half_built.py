"""An error that a constructor raises can be shown with local variables, the half-built object among them.

Python 3.11 formats those with a bare `repr`, so that one that fails would hide the error itself.
"""

import traceback
from collections.abc import Callable
from typing import Any

import pytest

import ecr_async as ecr
from ecr_async._auth.role import Role
from ecr_async._config.endpoints import resolve
from ecr_async._config.settings import load
from ecr_async._retry.standard import RetryConfig

CONSTRUCTORS: dict[str, Callable[[], Any]] = {
    "credentials without a key": lambda: ecr.Credentials("", "s"),
    "credentials of another type": lambda: ecr.Credentials("K", 5),  # type: ignore[arg-type]
    "a session of a negative timeout": lambda: ecr.Session(timeout=-1),
    "a session of half a key": lambda: ecr.Session(access_key_id="K"),
    "a fleet of no accounts": lambda: ecr.Fleet(ecr.Session(), "123456789012", "reader"),
    "a fleet of no role": lambda: ecr.Fleet(ecr.Session(), ["123456789012"], ""),
    "a fleet of no region": lambda: ecr.Fleet(ecr.Session(), ["123456789012"], "reader", ["-"]),
    "a role of no account": lambda: Role("arn:aws:iam::1:role/x", "name", 900),
    "retries without an attempt": lambda: RetryConfig(max_attempts=0),
    "an endpoint of no region": lambda: resolve("a_b"),
    "settings that make no sense": lambda: load(max_attempts=0, environ={}),
}


@pytest.mark.parametrize("construct", CONSTRUCTORS.values(), ids=CONSTRUCTORS)
def test_what_a_constructor_raises_can_be_shown_with_local_variables(construct: Callable[[], Any]) -> None:
    with pytest.raises((ecr.ECRError, TypeError, ValueError)) as caught:
        construct()
    shown = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    assert type(caught.value).__name__ in "".join(shown.format())

"""Arguments that a session rejects, before anything is read or opened."""

import math
from typing import Any

import pytest

import ecr_async as ecr

CREDENTIALS = ecr.Credentials("AKIDEXAMPLE", "CANARY")


async def provide() -> ecr.Credentials:
    return CREDENTIALS


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"max_connections": 0}, "max_connections must be at least 1, not 0"),
        ({"max_connections": 1.5}, "max_connections must be a whole number, not float"),
        ({"max_connections": "5"}, "max_connections must be a whole number, not str"),
        ({"verify": "no"}, "verify must be True or False, not str"),
        ({"timeout": "5"}, "timeout must be a number of seconds, or None for no bound, not str"),
        (
            {"credentials_timeout": math.nan},
            "credentials_timeout must be more than 0 seconds, or None for no bound, not nan",
        ),
        ({"timeout": 0}, "timeout must be more than 0 seconds, or None for no bound, not 0"),
        (
            {"connect_timeout": -1.5},
            "connect_timeout must be more than 0 seconds, or None for no bound, not -1.5",
        ),
        ({"read_timeout": 0.0}, "read_timeout must be more than 0 seconds, or None for no bound, not 0.0"),
        ({"access_key_id": "AKIDEXAMPLE"}, "access_key_id and secret_access_key go together"),
        ({"secret_access_key": "CANARY"}, "access_key_id and secret_access_key go together"),
        ({"session_token": "CANARY"}, "access_key_id and secret_access_key go together"),
        (
            {"access_key_id": "AKIDEXAMPLE", "secret_access_key": "CANARY", "credentials": provide},
            "give either credentials or access_key_id and secret_access_key, not both",
        ),
        (
            {"credentials": CREDENTIALS},
            "credentials must be an async function that supplies them, not Credentials",
        ),
    ],
)
def test_settings_that_make_no_sense_are_rejected_in_one_sentence(
    settings: dict[str, Any], message: str
) -> None:
    with pytest.raises(ecr.ConfigurationError) as caught:
        ecr.Session(**settings)
    assert str(caught.value) == message


def test_no_bound_at_all_is_allowed() -> None:
    ecr.Session(timeout=None, connect_timeout=None, read_timeout=None)


async def test_a_session_is_entered_first_and_only_once() -> None:
    session = ecr.Session(region="eu-west-1", credentials=provide)
    with pytest.raises(ecr.SessionClosedError, match="enter the session with `async with` first"):
        session.service()
    async with session:
        session.service()
    with pytest.raises(ecr.SessionClosedError, match="the session is closed"):
        session.service()
    with pytest.raises(ecr.SessionClosedError, match="a session can be entered once; make another"):
        await session.__aenter__()


@pytest.mark.parametrize("region", ["", 5])
async def test_a_service_has_no_other_region_than_the_given_one(region: Any) -> None:
    session = ecr.Session(region="eu-west-1", access_key_id="AKIA", secret_access_key="secret")
    async with session:
        with pytest.raises(ecr.ConfigurationError, match="cannot be a region's name"):
            session.service(region)

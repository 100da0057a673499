"""One line at DEBUG for each attempt."""

import logging
import re

import pytest

import ecr_async as ecr
from tests.faults.server import REQUEST_ID, FaultServer, answer, describe, drop, refuse, session_for
from tests.virtual_time import in_virtual_time


@in_virtual_time
async def call_and_fail() -> None:
    async with (
        FaultServer(drop, answer(), refuse("RepositoryNotFoundException")) as server,
        session_for(server) as session,
    ):
        await describe(session.service())
        with pytest.raises(ecr.RepositoryNotFoundException):
            await describe(session.service())


def test_each_attempt_has_its_line(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "ecr_async")
    call_and_fail()
    lines = [re.sub(r"\d+\.\d+", "#", line) for name, _, line in caplog.record_tuples if name == "ecr_async"]
    call = "DescribeRepositories in eu-west-1"
    answered = f"request_id={REQUEST_ID} duration=# ms"
    unanswered = "(status=None request_id=None duration=# ms)"
    assert lines == [
        f"{call}: attempt 1 of 3 failed with ecr_async.errors.TransportError, trying again in # s {unanswered}",
        f"{call}: attempt 2 of 3 succeeded (status=200 {answered})",
        f"{call}: attempt 1 of 3 failed with RepositoryNotFoundException, giving up (status=400 {answered})",
    ]


def test_above_debug_nothing_is_even_put_together(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def must_not_be_made(*_: object, **__: object) -> None:
        raise AssertionError

    monkeypatch.setattr("ecr_async.service.AttemptRecord", must_not_be_made)
    caplog.set_level(logging.INFO, "ecr_async")
    call_and_fail()
    assert caplog.records == []

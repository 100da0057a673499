"""One line at DEBUG for each attempt."""

import asyncio
import logging
import re

import pytest

import ecr_async as ecr
from tests.faults.server import (
    REQUEST_ID,
    Exchange,
    FaultServer,
    describe,
    drop,
    reject,
    respond,
    session_for,
)
from tests.virtual_time import in_virtual_time


async def respond_late(exchange: Exchange) -> None:
    await asyncio.sleep(0.25)
    await respond()(exchange)


@in_virtual_time
async def call_and_fail() -> None:
    async with (
        FaultServer(drop, respond_late, reject("RepositoryNotFoundException")) as server,
        session_for(server, monotonic=asyncio.get_running_loop().time) as session,
    ):
        await describe(session.service())
        with pytest.raises(ecr.RepositoryNotFoundException):
            await describe(session.service())


def test_each_attempt_has_its_line(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "ecr_async")
    call_and_fail()
    lines = [
        re.sub(r"in [\d.]+ s", "in # s", line)
        for name, _, line in caplog.record_tuples
        if name == "ecr_async"
    ]
    call = "DescribeRepositories in eu-west-1"
    no_response = "(status=None request_id=None waited=0.0 ms duration=0.0 ms)"
    rejected = f"(status=400 request_id={REQUEST_ID} waited=0.0 ms duration=0.0 ms)"
    assert lines == [
        f"{call}: attempt 1 of 3 failed with ecr_async.errors.TransportError, trying again in # s {no_response}",
        f"{call}: attempt 2 of 3 succeeded (status=200 request_id={REQUEST_ID} waited=0.0 ms duration=250.0 ms)",
        f"{call}: attempt 1 of 3 failed with RepositoryNotFoundException, giving up {rejected}",
    ]


def test_above_debug_nothing_is_even_put_together(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def must_not_be_made(*_: object, **__: object) -> None:
        raise AssertionError

    monkeypatch.setattr("ecr_async._pipeline.instrumentation.AttemptRecord", must_not_be_made)
    caplog.set_level(logging.INFO, "ecr_async")
    call_and_fail()
    assert caplog.records == []

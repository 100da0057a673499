"""What the README says about the code is so."""

import asyncio
import inspect
from typing import Any

import pytest

import ecr_async as ecr
from ecr_async import api
from ecr_async.events import Event
from ecr_async.lifecycle import LifecyclePolicy, Rule
from ecr_async.local import LocalECR
from tests.documentation.pages import execute, snippets
from tests.integration.local.content import manifest
from tests.integration.subprocesses import ROOT

README = ROOT / "README.md"


def test_there_are_snippets_of_each_kind() -> None:
    found = list(snippets(README))
    assert sum(snippet.is_program for snippet in found) == 1
    assert sum(snippet.is_test for snippet in found) == 1
    assert sum(snippet.language == "sh" for snippet in found) == 2
    assert len(found) > 8


def test_the_counts_are_those_of_the_code() -> None:
    operations = [name for name in api.__all__ if inspect.iscoroutinefunction(getattr(api, name))]
    assert f"**All {len(operations)} operations**" in README.read_text()


async def test_the_worker_handles_a_push(capsys: pytest.CaptureFixture[str]) -> None:
    (snippet,) = (each for each in snippets(README) if "@worker.on(" in each.source)
    names: dict[str, Any] = {"ecr": ecr}
    has_arrived = asyncio.Event()

    async def forward(event: Event) -> None:
        await names["queue"].put(event.to_json())
        has_arrived.set()

    async with LocalECR(on_event=forward, verify_layers=False) as local, local.session() as session:
        names["session"], service = session, session.service()
        await execute(snippet, names)
        await ecr.create_repository(
            service,
            ecr.CreateRepositoryRequest(
                "team/app",
                image_scanning_configuration=ecr.ImageScanningConfiguration(scan_on_push=True),
            ),
        )
        policy = LifecyclePolicy([Rule.expire(1, "any", keep_newest=1)]).to_json()
        await ecr.put_lifecycle_policy(service, ecr.PutLifecyclePolicyRequest("team/app", policy))
        await ecr.put_image(service, ecr.PutImageRequest("team/app", manifest(b"1"), image_tag="1.0"))
        await has_arrived.wait()
        async with names["worker"]:
            await names["queue"].join()
    printed = capsys.readouterr().out
    assert "team/app 1.0 ImageScanFindings(" in printed
    assert "team/app the policy would act on ()" in printed
    assert names["worker"].counters.failed == 0

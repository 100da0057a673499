"""Arguments of wrong types are rejected by name, however well Python would get along with them."""

import asyncio
import math
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import ecr_async
from ecr_async.events import Worker
from ecr_async.lifecycle import LifecyclePolicy, LifecyclePolicyError, Rule, evaluate
from ecr_async.local import LocalECR
from tests.faults.test_wrong_place import session

ecr: Any = ecr_async  # so that wrong types can be written down
rule: Any = Rule

NOW = datetime(2026, 7, 1, tzinfo=UTC)
POLICY = LifecyclePolicy([Rule.expire(1, "any", keep_newest=1)])


@pytest.mark.parametrize("argument", ["max_connections", "timeout", "connect_timeout", "credentials_timeout"])
@pytest.mark.parametrize("value", ["5", True, math.nan, timedelta(seconds=5)])
def test_a_sessions_numbers(argument: str, value: object) -> None:
    arguments: dict[str, Any] = {argument: value}
    with pytest.raises(ecr.ConfigurationError, match=f"^{argument} must be "):
        ecr.Session(region="eu-west-1", **arguments)


@pytest.mark.parametrize("region", ["", "eu west", 5, True, ["eu-west-1"], b"eu-west-1"])
async def test_a_services_region(region: Any) -> None:
    async with session() as opened:
        with pytest.raises(ecr.ConfigurationError, match=r"^region: .* cannot be a region's name"):
            opened.service(region)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"concurrency": "3"}, "concurrency must be a whole number, not str"),
        ({"concurrency": True}, "concurrency must be a whole number, not bool"),
        ({"handler_timeout": math.nan}, "handler_timeout must be more than 0 seconds, not nan"),
        ({"stop_timeout": -1}, "stop_timeout must be at least 0 seconds, not -1"),
        ({"deduplication_window": "x"}, "deduplication_window must be a number of seconds, not str"),
    ],
)
def test_a_workers_numbers(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ecr.ConfigurationError) as caught:
        Worker(**arguments)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda s: ecr.scan_images(s, 5), "repositories: must be a list of strings, not int"),
        (lambda s: ecr.scan_images(s, b"x"), "repositories: must be a list of strings, not bytes"),
        (
            lambda s: ecr.scan_images(s, asyncio.sleep),
            "repositories: must be a plain function, not an async one",
        ),
        (
            lambda s: ecr.sync_images(s, s, tags=asyncio.sleep),
            "tags: must be a plain function, not an async one",
        ),
        (
            lambda s: ecr.sync_images(s, s, rename=asyncio.sleep),
            "rename: must be a plain function, not an async one",
        ),
        (
            lambda s: ecr.scan_findings(s, {"team/app": "v1"}),
            "images['team/app']: must be a list of ImageIdentifier, not str",
        ),
        (
            lambda s: ecr.scan_findings(s, {"team/app": None}),
            "images['team/app']: must be a list of ImageIdentifier, not None",
        ),
        (
            lambda s: ecr.scan_findings(s, [("team/app", "v1")]),
            "images: each must be an ImageDetail or a pair of repository and ImageIdentifier, not tuple",
        ),
        (lambda s: ecr.Fleet(s, [], "reader"), "session: must be a Session, not Service"),
        (lambda s: ecr.scan_images(s, [None]), "repositories[0]: must be a string, not NoneType"),
        (lambda s: ecr.scan_images(s, patience="x"), "patience: must be a number of seconds, not str"),
        (lambda s: ecr.scan_images(s, concurrency=1.5), "concurrency: must be a whole number, not float"),
        (lambda s: ecr.scan_images(s, page_size=True), "page_size: must be a whole number, not bool"),
        (lambda s: ecr.scan_findings(s, [], wait="1"), "wait: must be a number of seconds, not str"),
        (lambda s: ecr.sync_images(s, s, newest=True), "newest: must be a whole number, not bool"),
        (lambda s: ecr.sync_images(s, s, layers=0), "layers: must be at least 1, not 0"),
        (lambda s: ecr.sync_images(s, s, tags=5), "tags: must be a tag, a pattern or several, not int"),
        (lambda s: ecr.sync_images(s, s, tags=[5]), "tags[0]: must be a tag or a pattern, not int"),
        (
            lambda s: ecr.sync_images(s, s, create_repositories=True),
            "create_repositories: must be 'like_source', a CreateRepositoryRequest or None, not True",
        ),
    ],
)
async def test_bulk_options(call: Callable[[Any], object], message: str) -> None:
    async with session() as opened:
        with pytest.raises(ecr.ValidationError) as caught:
            call(opened.service())
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda s: ecr.push_image(s, "layout", "team/app", tags="v1"),
            "tags: must be a list of strings, not str",
        ),
        (lambda s: ecr.push_image(s, "layout", "team/app", tags=[1]), "tags[0]: must be a string, not int"),
        (
            lambda s: ecr.copy_image(s, "team/app", "v1", s, "team/app", tags="v2"),
            "tags: must be a list of strings, not str",
        ),
        (
            lambda s: ecr.pull_image(s, "team/app", "v1", "layout", tags="v2"),
            "tags: must be a list of strings, not str",
        ),
        (
            lambda s: ecr.pull_image(s, "team/app", "v1", "layout", platforms="linux/amd64"),
            "platforms: must be a list of strings, not str",
        ),
        (
            lambda s: ecr.pull_image(s, "team/app", "v1", "layout", concurrency=True),
            "concurrency: must be a whole number, not bool",
        ),
        (
            lambda s: ecr.pull_image(s, "team/app", "v1", "image.tar.gz"),
            "destination: must be a folder or end in .tar; archives are not compressed",
        ),
        (lambda s: ecr.get_images(s, "team/app", None), "image_ids: must be a list, not NoneType"),
        (lambda s: ecr.check_layers(s, "team/app", [5]), "layer_digests[0]: must be a string, not int"),
        (
            lambda s: ecr.wait_until_image_scan_complete(s, None, timeout="3"),
            "timeout: must be a number of seconds, not str",
        ),
    ],
)
async def test_calls_that_are_awaited(call: Callable[[Any], Any], message: str) -> None:
    async with session() as opened:
        with pytest.raises(ecr.ValidationError) as caught:
            await call(opened.service())
    assert str(caught.value) == message


async def test_a_session_for_a_service(tmp_path: Path) -> None:
    async with session() as opened:
        anything: Any = opened
        for call in (
            ecr.push_image(anything, tmp_path, "team/app"),
            ecr.pull_image(anything, "team/app", "v1", tmp_path),
            ecr.copy_image(anything, "team/app", "v1", anything, "team/app"),
        ):
            with pytest.raises(
                ecr.ECRError, match=r"must be a Service, not Session; pass session\.service\(\)"
            ):
                await call


@pytest.mark.parametrize(
    ("made", "message"),
    [
        (lambda: rule.expire(True, "any", keep_newest=1), "rulePriority: must be an integer, not bool"),
        (
            lambda: rule.expire(1, "any", keep_newest=True),
            "selection.countNumber: must be an integer, not bool",
        ),
        (
            lambda: rule.expire(1, "any", days_since_pushed=1.5),
            "selection.countNumber: must be an integer, not float",
        ),
        (
            lambda: rule.expire(1, "any", keep_newest="1"),
            "selection.countNumber: must be an integer, not str",
        ),
        (
            lambda: rule.expire(1, [5], keep_newest=1),
            "selection.tagPatternList: must be a list of strings",
        ),
        (lambda: "x", "rule: must be a Rule, not str"),
    ],
)
def test_a_policy_never_holds_another_type(made: Callable[[], Any], message: str) -> None:
    policy = LifecyclePolicy([made()])
    with pytest.raises(LifecyclePolicyError) as caught:
        policy.to_json()
    assert str(caught.value) == f"rule 1: {message}"
    with pytest.raises(LifecyclePolicyError):
        policy.check()


def test_patterns_are_a_list() -> None:
    nothing: Any = None
    with pytest.raises(ValueError, match="tags must be 'any', 'untagged' or a list"):
        Rule.expire(1, nothing, keep_newest=1)


@pytest.mark.parametrize("now", [5, date(2026, 7, 1), "2026-07-01", datetime(2026, 7, 1)])
def test_the_moment_of_an_evaluation(now: Any) -> None:
    with pytest.raises(ecr.ValidationError, match=r"^now: must be an aware datetime"):
        evaluate(POLICY, [], now=now)


def test_an_evaluation_takes_a_policy_and_no_text() -> None:
    text: Any = POLICY.to_json()
    with pytest.raises(ecr.ValidationError, match=r"^policy: must be a LifecyclePolicy, not str"):
        evaluate(text, [], now=NOW)


@pytest.mark.parametrize("text", [None, 5, b"team/app"])
def test_a_reference_is_text(text: Any) -> None:
    with pytest.raises(ecr.ValidationError, match=r"^image: must be a string"):
        ecr.ImageReference.parse(text)


@pytest.mark.parametrize("dry_run", [None, 0, "", "no"])
async def test_only_false_deletes(dry_run: Any) -> None:
    async with LocalECR() as local, local.session() as opened:
        service = opened.service()
        with pytest.raises(ecr.RepositoryNotFoundException, match="ListImages"):
            await ecr.delete_images(
                service, "team/app", [ecr.ImageIdentifier(image_tag="v1")], dry_run=dry_run
            )

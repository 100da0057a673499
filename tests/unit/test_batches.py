"""Batches of any size: chunks of 100, several at a time, and every identifier accounted for."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import pytest

import ecr_async as ecr
from tests.unit.fake_registry import FakeRegistry
from tests.virtual_time import in_virtual_time


def tags(count: int) -> list[ecr.ImageIdentifier]:
    return [ecr.ImageIdentifier(image_tag=f"v{number}") for number in range(count)]


class Images(FakeRegistry):
    """A repository that has whatever is requested, but for what `rejections` names by tag."""

    def __init__(self, *, on_call: Callable[..., Any] | None = None, **rejections: str) -> None:
        super().__init__({"team/app": 0}, on_call=on_call)
        self.rejections = rejections
        self.deleted: list[str] = []

    def _split(self, ids: Sequence[dict[str, str]]) -> tuple[list[dict[str, str]], list[dict[str, Any]]]:
        failures = [
            {"imageId": each, "failureCode": self.rejections[each["imageTag"]], "failureReason": "why"}
            for each in ids
            if each["imageTag"] in self.rejections
        ]
        return [each for each in ids if each["imageTag"] not in self.rejections], failures

    def _BatchDeleteImage(self, request: dict[str, Any]) -> dict[str, Any]:
        done, failures = self._split(request["imageIds"])
        self.deleted += [each["imageTag"] for each in done]
        return {"imageIds": done, "failures": failures}

    def _BatchGetImage(self, request: dict[str, Any]) -> dict[str, Any]:
        done, failures = self._split(request["imageIds"])
        return {"images": [{"imageId": each, "imageManifest": "{}"} for each in done], "failures": failures}

    def _BatchCheckLayerAvailability(self, request: dict[str, Any]) -> dict[str, Any]:
        there = [each for each in request["layerDigests"] if each not in self.rejections]
        return {
            "layers": [{"layerDigest": each, "layerAvailability": "AVAILABLE"} for each in there],
            "failures": [
                {"layerDigest": each, "failureCode": self.rejections[each], "failureReason": "why"}
                for each in request["layerDigests"]
                if each in self.rejections
            ],
        }


async def test_images_are_deleted_in_chunks_of_100_and_each_once() -> None:
    registry = Images()
    async with registry.session() as session:
        result = await ecr.delete_images(session.service(), "team/app", tags(250) + tags(3), dry_run=False)
    assert sorted(len(call["imageIds"]) for call in registry.called("BatchDeleteImage")) == [50, 100, 100]
    assert sorted(registry.deleted) == sorted(f"v{number}" for number in range(250))
    assert result.done == tuple(tags(250))
    assert result.failures == ()


@pytest.mark.parametrize("function", [ecr.delete_images, ecr.get_images, ecr.check_layers])
async def test_nothing_to_do_makes_no_call(function: Any) -> None:
    registry = Images()
    async with registry.session() as session:
        options = {"dry_run": False} if function is ecr.delete_images else {}
        assert await function(session.service(), "team/app", [], **options) == ecr.BatchResult()
    assert registry.calls == []


@pytest.mark.parametrize("options", [{"dry_run": True}, {"dry_run": False}, {}], ids=repr)
@pytest.mark.parametrize("wrong", [["sha256:0"], "sha256:0", [{"imageTag": "v1"}], [None]], ids=repr)
async def test_an_invalid_identifier_is_rejected_before_anything_is_sent(
    wrong: Any, options: dict[str, Any]
) -> None:
    registry = Images()
    async with registry.session() as session:
        function: Any = ecr.delete_images if options else ecr.get_images
        with pytest.raises(ecr.ValidationError, match="must be an ImageIdentifier, not") as caught:
            await function(session.service(), "team/app", wrong, **options)
        assert caught.value.path == "image_ids[0]"
        with pytest.raises(ecr.ValidationError) as caught:
            await function(session.service(), "team/app", [*tags(120), *wrong], **options)
        assert caught.value.path == "image_ids[120]"
    assert registry.calls == []


async def test_one_digest_of_a_layer_is_not_a_list_of_them() -> None:
    registry = Images()
    async with registry.session() as session:
        with pytest.raises(ecr.ValidationError, match="layer_digests: must be a list"):
            await ecr.check_layers(session.service(), "team/app", f"sha256:{0:064x}")
    assert registry.calls == []


async def test_manifests_come_with_the_media_types_that_are_accepted() -> None:
    registry = Images(v7="ImageNotFound")
    async with registry.session() as session:
        result = await ecr.get_images(
            session.service(), "team/app", tags(101), accepted_media_types=["application/a"]
        )
    assert len(result.done) == 100
    assert result.failures == (ecr.BatchFailure(tags(8)[7], "ImageNotFound", "why"),)
    assert all(call["acceptedMediaTypes"] == ["application/a"] for call in registry.called("BatchGetImage"))


async def test_layers_are_checked() -> None:
    digests = [f"sha256:{number:064x}" for number in range(150)]
    registry = Images()
    registry.rejections = {digests[149]: "InvalidLayerDigest"}
    async with registry.session() as session:
        result = await ecr.check_layers(session.service(), "team/app", digests)
    assert [layer.layer_digest for layer in result.done] == digests[:149]
    assert result.failures == (ecr.BatchFailure(digests[149], "InvalidLayerDigest", "why"),)


async def test_a_chunk_that_fails_is_reported_for_each_of_its_identifiers_and_the_others_go_on() -> None:
    def reject(operation: str, request: dict[str, Any]) -> str | None:
        return "AccessDeniedException" if {"imageTag": "v120"} in request["imageIds"] else None

    registry = Images(on_call=reject)
    async with registry.session() as session:
        result = await ecr.delete_images(session.service(), "team/app", tags(250), dry_run=False)
    assert result.done == tuple(tags(250)[:100] + tags(250)[200:])
    assert [failure.id for failure in result.failures] == tags(250)[100:200]
    assert {failure.code for failure in result.failures} == {"AccessDeniedException"}
    assert all(isinstance(failure.error, ecr.ServiceError) for failure in result.failures)


async def test_an_identifier_that_cannot_be_sent_fails_alone() -> None:
    bad = ecr.ImageIdentifier(image_tag="x" * 301)
    async with Images().session() as session:
        result = await ecr.get_images(session.service(), "team/app", [*tags(120), bad])
    assert len(result.done) == 120
    (failure,) = result.failures
    assert (failure.id, failure.code) == (bad, "ValidationError")


async def test_an_image_that_an_index_refers_to_is_deleted_after_the_index() -> None:
    registry = Images(v0="ImageReferencedByManifestList")

    def release(operation: str, request: dict[str, Any]) -> None:
        if "v1" in registry.deleted:
            registry.rejections.clear()

    registry.on_call = release
    async with registry.session() as session:
        result = await ecr.delete_images(session.service(), "team/app", tags(2), dry_run=False)
    assert registry.deleted == ["v1", "v0"]
    assert result.failures == ()


async def test_an_image_whose_index_stays_is_reported_and_not_requested_for_ever() -> None:
    registry = Images(v0="ImageReferencedByManifestList")
    async with registry.session() as session:
        result = await ecr.delete_images(session.service(), "team/app", tags(2), dry_run=False)
    assert registry.deleted == ["v1"]
    assert result.failures == (ecr.BatchFailure(tags(1)[0], "ImageReferencedByManifestList", "why"),)


@in_virtual_time
async def test_no_more_calls_at_a_time_than_concurrency_says() -> None:
    registry = Images()
    registry.latency = 1.0
    async with registry.session() as session:
        await ecr.get_images(session.service(), "team/app", tags(2000), concurrency=3)
        assert registry.most_under_way == 3
        with pytest.raises(ecr.ValidationError, match="concurrency"):
            await ecr.get_images(session.service(), "team/app", tags(1), concurrency=0)


@in_virtual_time
async def test_cancelling_leaves_no_call_behind() -> None:
    def hang(operation: str, request: dict[str, Any]) -> Any:
        return asyncio.Event().wait()

    registry = Images(on_call=hang)
    async with registry.session() as session:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(10):
                await ecr.get_images(session.service(), "team/app", tags(1000))
        assert registry.under_way == 0
        assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_a_closed_session_is_said_once() -> None:
    async with Images().session() as session:
        service = session.service()
    with pytest.raises(ecr.SessionClosedError):
        await ecr.get_images(service, "team/app", tags(500))

"""Images and tags under any sequence of pushes and deletions, beside a model of a few lines."""

import asyncio
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from ecr_async import api as ecr
from ecr_async.local import LocalECR
from tests.integration.local.content import digest_of, manifest

ResultT = TypeVar("ResultT")

MANIFESTS = {digest_of(text): text for text in (manifest(str(number).encode()) for number in range(4))}
DIGESTS = st.sampled_from(sorted(MANIFESTS))
TAGS = st.sampled_from(["v1", "v2", "latest"])


class Images(RuleBasedStateMachine):
    """The model: digests that are there, and what tags point at."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever)
        self.thread.start()
        self.digests: list[str] = []
        self.tags: dict[str, str] = {}
        self.immutable = False

    def run(self, work: Coroutine[Any, Any, ResultT]) -> ResultT:
        return asyncio.run_coroutine_threadsafe(work, self.loop).result()

    async def open(self) -> None:
        self.local = await LocalECR(verify_layers=False).__aenter__()
        self.session = await self.local.session().__aenter__()
        self.service = self.session.service()
        await ecr.create_repository(self.service, ecr.CreateRepositoryRequest("app"))

    async def close(self) -> None:
        await self.session.aclose()
        await self.local.__aexit__(None, None, None)

    def teardown(self) -> None:
        self.run(self.close())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()
        self.loop.close()

    @initialize()
    def start(self) -> None:
        self.run(self.open())

    @rule(immutable=st.booleans())
    def set_mutability(self, immutable: bool) -> None:
        self.immutable = immutable
        request = ecr.PutImageTagMutabilityRequest("app", "IMMUTABLE" if immutable else "MUTABLE")
        self.run(ecr.put_image_tag_mutability(self.service, request))

    @rule(digest=DIGESTS, tag=st.none() | TAGS)
    def put(self, digest: str, tag: str | None) -> None:
        expected: type[Exception] | None = None
        if digest in self.digests and (tag is None or self.tags.get(tag) == digest):
            expected = ecr.ImageAlreadyExistsException
        elif self.immutable and tag in self.tags:
            expected = ecr.ImageTagAlreadyExistsException
        request = ecr.PutImageRequest("app", MANIFESTS[digest], image_tag=tag)
        if expected is not None:
            with pytest.raises(expected):
                self.run(ecr.put_image(self.service, request))
            return
        self.run(ecr.put_image(self.service, request))
        if digest not in self.digests:
            self.digests.append(digest)
        if tag is not None:
            self.tags[tag] = digest

    def delete(self, image_id: ecr.ImageIdentifier) -> ecr.BatchDeleteImageResponse:
        request = ecr.BatchDeleteImageRequest("app", [image_id])
        return self.run(ecr.batch_delete_image(self.service, request))

    @rule(tag=TAGS)
    def delete_tag(self, tag: str) -> None:
        response = self.delete(ecr.ImageIdentifier(image_tag=tag))
        assert bool(response.image_ids) == (tag in self.tags)
        digest = self.tags.pop(tag, None)
        if digest is not None and digest not in self.tags.values():
            self.digests.remove(digest)

    @rule(digest=DIGESTS)
    def delete_image(self, digest: str) -> None:
        response = self.delete(ecr.ImageIdentifier(digest))
        assert bool(response.image_ids) == (digest in self.digests)
        self.tags = {tag: held for tag, held in self.tags.items() if held != digest}
        self.digests = [held for held in self.digests if held != digest]

    @invariant()
    def it_holds_what_the_model_holds(self) -> None:
        described = self.run(ecr.describe_images(self.service, ecr.DescribeImagesRequest("app")))
        assert [image.image_digest for image in described.image_details] == self.digests
        for image in described.image_details:
            assert image.image_tags == tuple(
                sorted(t for t, held in self.tags.items() if held == image.image_digest)
            )
        listed = self.run(ecr.list_images(self.service, ecr.ListImagesRequest("app"))).image_ids
        assert {one.image_tag: one.image_digest for one in listed if one.image_tag} == self.tags
        untagged = {one.image_digest for one in listed if one.image_tag is None}
        assert untagged == set(self.digests) - set(self.tags.values())


Images.TestCase.settings = settings(max_examples=15, stateful_step_count=20)
TestImages = Images.TestCase

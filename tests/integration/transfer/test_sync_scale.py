"""A sync of many images, most of which are there, under ECR's rate limits."""

import json
from collections import Counter
from pathlib import Path

from aiohttp import web

import ecr_async as ecr
from ecr_async.local import LocalECR
from tests.integration.local.content import create
from tests.integration.transfer.layouts import image, write_layout
from tests.integration.transfer.proxy import Proxy, proxied
from tests.unit.fake_registry import TokenBucket

IMAGES, PRESENT = 2000, 1970
THROTTLE = b'{"__type": "ThrottlingException", "message": "Rate exceeded"}'


class Limited(Proxy):
    """Throttles PutImage to ten a second, as ECR does."""

    def __init__(self, upstream: str) -> None:
        super().__init__(upstream)
        self.bucket = TokenBucket(rate=10, burst=10)
        self.throttled = 0

    async def handle(self, request: web.Request) -> web.StreamResponse:
        if request.headers.get("X-Amz-Target", "").endswith(".PutImage") and not self.bucket.admit():
            self.throttled += 1
            return web.Response(status=400, body=THROTTLE)
        return await super().handle(request)


async def test_nothing_is_read_of_what_is_there_and_nothing_is_lost(local: LocalECR, tmp_path: Path) -> None:
    base = image(b"layer", b"another")
    document = json.loads(base.content)
    manifests = [json.dumps({**document, "annotations": {"n": str(number)}}) for number in range(IMAGES)]
    async with local.session() as session:
        service = session.service()
        source = write_layout(tmp_path / "in", [("base", base)])
        for name, count in (("team/app", IMAGES), ("mirror/app", PRESENT)):
            await create(service, name)
            await ecr.push_image(service, source, name)
            await local.fill(
                ecr.PutImageRequest(name, manifest, image_tag=f"v{number}")
                for number, manifest in enumerate(manifests[:count])
            )
    async with (
        proxied(Limited(local.endpoint_url)) as proxy,
        local.session(endpoint_url=proxy.url) as session,
    ):
        service = session.service()
        sync = ecr.sync_images(service, service, "team/app", rename=lambda _: "mirror/app")
        statuses = Counter([result.status async for result in sync if isinstance(result, ecr.SyncedImage)])
        pages = ecr.paginate_list_images(service, ecr.ListImagesRequest("mirror/app"))
        tags = {each.image_tag async for each in pages}
    missing = IMAGES - PRESENT
    assert statuses == {"copied": missing, "present": PRESENT, "skipped": 1}
    assert tags == {f"v{number}" for number in range(IMAGES)} | {None}
    assert proxy.throttled > 0
    assert proxy.calls["PutImage"] == proxy.calls["BatchGetImage"] == missing
    assert proxy.calls["GetDownloadUrlForLayer"] == proxy.served == 0
    assert sync.summary.throttles == proxy.throttled

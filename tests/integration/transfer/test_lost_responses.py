"""Requests that ECR carried out and whose responses were lost: nothing is sent from the beginning again.

Other clients then begin a layer at byte 0 once more, which ECR rejects: apple/containerization's issue 790.
"""

import asyncio
from pathlib import Path

import pytest

import ecr_async as ecr
from ecr_async.local import Fault, LocalECR
from tests.integration.local.content import create
from tests.integration.transfer.layouts import files_of, image, noise, write_layout
from tests.integration.transfer.proxy import Proxy, proxied

MIB = 1024 * 1024
MADE = image(noise(12 * MIB, 1), noise(3000, 2))
TOTAL = sum(map(len, MADE.blobs.values()))


@pytest.mark.parametrize(
    "operation",
    [
        "BatchCheckLayerAvailability",
        "InitiateLayerUpload",
        "UploadLayerPart",
        "CompleteLayerUpload",
        "PutImage",
    ],
)
async def test_a_push_goes_on(local: LocalECR, repository: str, tmp_path: Path, operation: str) -> None:
    source = write_layout(tmp_path / "in", [("v1", MADE)])
    fault = Fault(kind="reset", operation=operation, after=True, times=2)
    async with (
        proxied(Proxy(local.endpoint_url)) as proxy,
        local.session(endpoint_url=proxy.url) as session,
    ):
        service = session.service()
        with local.inject(fault):
            pushed = await ecr.push_image(service, source, repository, tags=["v1"])
        assert (pushed.digest, pushed.bytes_moved) == (MADE.digest, TOTAL)
        await ecr.pull_image(service, repository, "v1", tmp_path / "out")
    assert set(files_of(source)) == set(files_of(tmp_path / "out"))


async def test_images_that_share_a_layer_are_pushed_at_once(
    local: LocalECR, repository: str, tmp_path: Path
) -> None:
    """nerdctl's pull request 2404: an image was put before the layer that the other push was sending."""
    images = {f"v{number}": image(noise(12 * MIB, 1), noise(100, 10 + number)) for number in range(4)}
    async with local.session() as session:
        service = session.service()
        pushed = await asyncio.gather(
            *(
                ecr.push_image(service, write_layout(tmp_path / tag, [(tag, made)]), repository, tags=[tag])
                for tag, made in images.items()
            )
        )
        assert [each.digest for each in pushed] == [made.digest for made in images.values()]
        await create(service, "team/copy")
        copied = await asyncio.gather(
            *(ecr.copy_image(service, repository, tag, service, "team/copy") for tag in images)
        )
    assert [each.digest for each in copied] == [made.digest for made in images.values()]


async def test_a_signature_that_has_a_subject_and_a_tag_keeps_both(
    service: ecr.Service, repository: str, tmp_path: Path
) -> None:
    """regclient's pull request 471: copying failed for artifacts that are found in both ways."""
    made = image(noise(100, 1))
    tag = made.digest.replace(":", "-") + ".sig"
    signature = image(b"signature", subject=made.descriptor())
    await ecr.push_image(service, write_layout(tmp_path / "1", [("v1", made)]), repository, tags=["v1"])
    await ecr.push_image(service, write_layout(tmp_path / "2", [("s", signature)]), repository, tags=[tag])
    await create(service, "team/copy")
    copied = await ecr.copy_image(service, repository, "v1", service, "team/copy", include_referrers=True)
    assert copied.manifests == (made.digest, signature.digest)
    pages = ecr.paginate_list_images(service, ecr.ListImagesRequest("team/copy"))
    assert {each.image_tag: each.image_digest async for each in pages} == {
        "v1": made.digest,
        tag: signature.digest,
    }
    pulled = await ecr.pull_image(service, "team/copy", "v1", tmp_path / "out", include_referrers=True)
    assert pulled.manifests == copied.manifests
    again = await ecr.push_image(service, tmp_path / "out", repository, reference="v1", tags=["v2"])
    assert again.manifests == copied.manifests

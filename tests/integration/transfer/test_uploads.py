"""Uploads of layers that go wrong in the middle: the upload vanishes, or a response is lost."""

from pathlib import Path

import pytest

import ecr_async as ecr
from ecr_async.local import Fault, LocalECR
from tests.integration.transfer.layouts import image, noise, write_layout

MADE = image(noise(3000, 1))
BLOBS = 2  # the layer and the configuration


@pytest.fixture
def layout(tmp_path: Path) -> Path:
    return write_layout(tmp_path / "in", [("v1", MADE)])


async def push(local: LocalECR, repository: str, layout: Path) -> ecr.PushedImage:
    async with local.session() as session:
        return await ecr.push_image(session.service(), layout, repository, tags=["v1"], concurrency=1)


async def check_is_whole(local: LocalECR, repository: str, folder: Path) -> None:
    async with local.session() as session:
        pulled = await ecr.pull_image(session.service(), repository, "v1", folder)
    assert (pulled.digest, pulled.blobs) == (MADE.digest, BLOBS)


def vanished(times: int, operation: str = "UploadLayerPart") -> Fault:
    return Fault(kind="error", operation=operation, code="UploadNotFoundException", status=400, times=times)


@pytest.mark.parametrize("operation", ["UploadLayerPart", "CompleteLayerUpload"])
async def test_an_upload_that_vanishes_is_begun_again(
    local: LocalECR, repository: str, layout: Path, tmp_path: Path, operation: str
) -> None:
    with local.inject(vanished(2, operation)):
        pushed = await push(local, repository, layout)
    assert pushed.blobs_moved == BLOBS
    await check_is_whole(local, repository, tmp_path / "out")


async def test_one_that_vanishes_again_and_again_is_an_error(
    local: LocalECR, repository: str, layout: Path
) -> None:
    with local.inject(vanished(3)), pytest.raises(ecr.UploadNotFoundException):
        await push(local, repository, layout)


@pytest.mark.parametrize("operation", ["UploadLayerPart", "CompleteLayerUpload"])
async def test_a_lost_response_does_no_harm(
    local: LocalECR, repository: str, layout: Path, tmp_path: Path, operation: str
) -> None:
    with local.inject(Fault(kind="drop", operation=operation, after=True, times=1)):
        pushed = await push(local, repository, layout)
    assert pushed.blobs_moved == BLOBS
    await check_is_whole(local, repository, tmp_path / "out")


@pytest.mark.parametrize("is_lost", [False, True])
async def test_an_interrupted_upload_is_continued_or_begun_again(
    local: LocalECR, repository: str, layout: Path, tmp_path: Path, is_lost: bool
) -> None:
    broken = Fault(kind="error", operation="UploadLayerPart", code="InvalidParameterException", status=400)
    with local.inject(broken), pytest.raises(ecr.InvalidParameterException):
        await push(local, repository, layout)
    with local.inject(vanished(1)) if is_lost else local.inject():
        await push(local, repository, layout)
    await check_is_whole(local, repository, tmp_path / "out")

"""Images that tests put into the embedded ECR."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from itertools import chain, repeat

import attrs

from ecr_async import api
from ecr_async.local.contents import ImageContents, upload
from ecr_async.local.embedded import LocalECR
from ecr_async.oci.digests import digest_of

__all__ = ["LocalImage", "make_images", "push_image"]


@attrs.frozen
class LocalImage:
    """An image that was put into the embedded ECR."""

    repository: str
    digest: str
    """The digest of its manifest."""
    tags: tuple[str, ...]
    """The tags that it was pushed with; later pushes may have moved them."""
    pushed_at: datetime
    """In UTC."""
    manifest: str = attrs.field(repr=False)
    """The manifest's text."""


async def push_image(
    local: LocalECR,
    repository: str,
    tags: Sequence[str],
    layers: Sequence[Mapping[str, bytes | str]],
    *,
    age: timedelta,
    region: str | None,
) -> LocalImage:
    """Push an image with these layers, and create its repository if need be."""
    contents = ImageContents.of_files(*layers)
    await _prepare(local, repository, contents, region)
    image = _image(repository, tags, contents.manifest({}), local.clock.now - age)
    for request in _pushes(image):
        with suppress(api.ImageAlreadyExistsException):  # docker's pushes may be repeated as well
            await local.fill([request], region=region, clock=image.pushed_at.timestamp)
    return image


async def make_images(
    local: LocalECR,
    repository: str,
    ages: Iterable[timedelta],
    tags: Iterable[str | None],
    *,
    numbers: Iterator[int],
    region: str | None,
) -> list[LocalImage]:
    """Push an image for each age, the oldest first, and create the repository if need be.

    The images have the same layers and differ by an annotation with the next of `numbers`.
    """
    contents = ImageContents.of_files({"etc/name": f"{repository}\n"})
    await _prepare(local, repository, contents, region)
    now = local.clock.now
    images = [
        _image(
            repository,
            () if tag is None else (tag,),
            contents.manifest({"org.opencontainers.image.revision": f"{next(numbers):040x}"}),
            now - age,
        )
        for age, tag in zip(ages, chain(tags, repeat(None)), strict=False)
    ]
    moment = now

    def requests() -> Iterator[api.PutImageRequest]:
        nonlocal moment
        for image in sorted(images, key=lambda image: image.pushed_at):
            moment = image.pushed_at
            yield from _pushes(image)

    def clock() -> float:
        return moment.timestamp()

    await local.fill(requests(), region=region, clock=clock)
    return images


async def _prepare(local: LocalECR, repository: str, contents: ImageContents, region: str | None) -> None:
    with suppress(api.RepositoryAlreadyExistsException):
        await local.call(api.CreateRepositoryRequest(repository), region=region)
    await upload(local, repository, contents, region=region)


def _image(repository: str, tags: Sequence[str], manifest: str, pushed_at: datetime) -> LocalImage:
    moment = pushed_at.astimezone(UTC)
    return LocalImage(repository, digest_of(manifest.encode()), tuple(tags), moment, manifest)


def _pushes(image: LocalImage) -> Iterator[api.PutImageRequest]:
    for tag in image.tags or (None,):
        yield api.PutImageRequest(image.repository, image.manifest, image_tag=tag)

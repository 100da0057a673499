"""Which images to get findings of: identifiers, or what a scan of images yields."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterable, Iterable, Mapping, Sequence
from typing import TypeAlias, cast

import attrs

from ecr_async._bulk.images.results import (
    FailedListing,
    FailedRepository,
    ScannedPage,
    ScanResult,
    VanishedRepository,
)
from ecr_async.api.common import ImageIdentifier
from ecr_async.api.images import ImageDetail
from ecr_async.errors import ValidationError
from ecr_async.service import Service

__all__ = ["ImageSelection", "SelectedImage", "check_selection", "each_image"]

NamedImage: TypeAlias = ImageDetail | tuple[str, ImageIdentifier]

ImageSelection: TypeAlias = (
    Mapping[str, Iterable[ImageIdentifier]]
    | Iterable[NamedImage]
    | AsyncIterable[NamedImage]
    | AsyncIterable[ScanResult]
)
"""Images by repository; or one by one, as `ImageDetail` or as repository and identifier; or a `Scan`.

Images of a `Scan` are looked up in the service that they were found in, all others in every service.
"""


@attrs.frozen
class SelectedImage:
    """An image as it is sent to the API."""

    repository: str
    image_id: ImageIdentifier
    registry_id: str | None = None
    service: Service | None = None
    """The service that it is in; None if that is not known."""


def check_selection(images: object) -> None:
    """Raise `ValidationError` for anything but a selection, as far as that shows before it is read."""
    if isinstance(images, str | bytes) or not isinstance(images, Iterable | AsyncIterable):
        raise ValidationError(
            "images",
            "must be a scan of images, a mapping of repositories to identifiers, or a list of images, "
            f"not {'None' if images is None else type(images).__name__}",
        )
    if isinstance(images, Mapping):
        for repository, identifiers in cast("Mapping[object, object]", images).items():
            if isinstance(identifiers, str | bytes) or not isinstance(identifiers, Iterable):
                kind = "None" if identifiers is None else type(identifiers).__name__
                raise ValidationError(
                    f"images[{repository!r}]", f"must be a list of ImageIdentifier, not {kind}"
                )
    elif isinstance(images, Sequence):
        for image in cast("Sequence[NamedImage]", images):
            _selected(image)


async def each_image(
    images: ImageSelection,
) -> AsyncGenerator[SelectedImage | FailedRepository | FailedListing, None]:
    """Yield the images of a selection; what it is read from is closed with this generator."""
    if isinstance(images, Mapping):
        by_repository = cast("Mapping[str, Iterable[ImageIdentifier]]", images)
        for repository, identifiers in by_repository.items():
            for identifier in identifiers:
                for selected in _selected((repository, identifier)):
                    yield selected
    elif isinstance(images, AsyncIterable):
        source = aiter(cast("AsyncIterable[NamedImage | ScanResult]", images))
        try:
            async for item in source:
                for selected in _selected(item):
                    yield selected
        finally:
            if isinstance(source, AsyncGenerator):
                await source.aclose()
    else:
        for image in images:
            for selected in _selected(image):
                yield selected


def _selected(
    item: NamedImage | ScanResult,
) -> Iterable[SelectedImage | FailedRepository | FailedListing]:
    match item:
        case ScannedPage(service=service, repository=repository, images=images):
            return [
                SelectedImage(
                    repository, ImageIdentifier(image_digest=image.image_digest), image.registry_id, service
                )
                for image in images
            ]
        case FailedRepository() | FailedListing():
            return [item]
        case VanishedRepository():
            return []
        case ImageDetail():
            identifier = ImageIdentifier(image_digest=item.image_digest)
            return [SelectedImage(item.repository_name or "", identifier, item.registry_id)]
        case (str(repository), ImageIdentifier() as identifier):
            return [SelectedImage(repository, identifier)]
        case _:
            kind = type(cast("object", item)).__name__
            raise ValidationError(
                "images",
                f"each must be an ImageDetail or a pair of repository and ImageIdentifier, not {kind}",
            )

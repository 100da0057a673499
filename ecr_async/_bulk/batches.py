"""Batch operations on any number of images or layers; the API's own take 100 at a time.

Requests are sent in chunks of 100, several at a time. A rejected chunk doesn't stop the others:
every identifier ends up in the result, among what was done or among the failures.

See https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_BatchDeleteImage.html
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Hashable, Iterable, Sequence
from typing import Any, Generic, TypeAlias, TypeVar, cast

import attrs

from ecr_async._arguments import check_kinds, check_number, check_strings
from ecr_async._bulk.concurrency import for_each
from ecr_async._bulk.simulated_deletions import ImageListing
from ecr_async.api.common import ImageIdentifier
from ecr_async.api.images import ListImagesFilter, ListImagesRequest, paginate_list_images
from ecr_async.api.layers import BatchCheckLayerAvailabilityRequest, Layer, batch_check_layer_availability
from ecr_async.api.manifests import (
    BatchDeleteImageRequest,
    BatchGetImageRequest,
    Image,
    ImageFailure,
    batch_delete_image,
    batch_get_image,
)
from ecr_async.errors import ECRError, ServiceError, SessionClosedError, ValidationError
from ecr_async.service import Service, check_services

__all__ = ["BatchFailure", "BatchResult", "check_layers", "delete_images", "get_images"]

IdT = TypeVar("IdT", bound=Hashable)
DoneT = TypeVar("DoneT")

CHUNK = 100
"""The most identifiers that one call takes."""


@attrs.frozen
class BatchFailure(Generic[IdT]):
    """An identifier that could not be handled, and why."""

    id: IdT
    """The identifier as it was given."""
    code: str
    """The reason, for programs: the API's failure code, or the name of the error that failed the call."""
    reason: str
    """The reason, in words for people."""
    error: ECRError | None = None
    """The error of the call that carried the identifier; None if the call itself succeeded."""


@attrs.frozen
class BatchResult(Generic[IdT, DoneT]):
    """The outcome for all identifiers. Chunks are in the order that was given."""

    done: tuple[DoneT, ...] = ()
    """What was deleted, fetched or found."""
    failures: tuple[BatchFailure[IdT], ...] = ()
    """What failed."""

    def __add__(self, other: BatchResult[IdT, DoneT]) -> BatchResult[IdT, DoneT]:
        return BatchResult(self.done + other.done, self.failures + other.failures)


DeletedImages: TypeAlias = BatchResult[ImageIdentifier, ImageIdentifier]


async def delete_images(
    service: Service,
    repository: str,
    image_ids: Iterable[ImageIdentifier],
    *,
    dry_run: bool = True,
    registry_id: str | None = None,
    concurrency: int = 8,
) -> BatchResult[ImageIdentifier, ImageIdentifier]:
    """Delete images, or tags of them; unless `dry_run` is False, only say what would be deleted.

    An identifier with a digest alone names the image with all its tags, one with a tag names that tag;
    an image goes with its last tag. `done` has one identifier for each tag that went or would go, and
    one for each image without tags. An image that an index refers to can be deleted only after the
    index; where both are given, they are deleted in that order.

    A dry run reads the list of the repository's images. It doesn't look into indexes, and so it takes
    no notice of what they refer to.

    Raises `ValidationError` for anything but an `ImageIdentifier`, before anything is sent. At most
    `concurrency` calls are under way at a time. A call that fails, whether for a missing repository or for
    missing permissions, is reported with each of its identifiers. Raises `SessionClosedError`; a dry run
    also what `list_images` raises.
    """
    check_services(service=service)
    check_kinds(str, repository=repository)
    check_kinds(str | None, registry_id=registry_id)
    check_number("concurrency", concurrency, least=1, whole=True)
    ids = _image_ids(image_ids)
    if dry_run is not False:  # None from a configuration deletes nothing
        return await _would_delete(service, repository, ids, registry_id)

    async def delete(chunk: Sequence[ImageIdentifier]) -> DeletedImages:
        response = await batch_delete_image(service, BatchDeleteImageRequest(repository, chunk, registry_id))
        return BatchResult(response.image_ids, _failures(response.failures))

    result = progress = await _in_chunks(ids, delete, concurrency)
    while progress.done and (
        referenced := [failure for failure in result.failures if _is_referenced(failure)]
    ):
        progress = await _in_chunks([failure.id for failure in referenced], delete, concurrency)
        others = [failure for failure in result.failures if not _is_referenced(failure)]
        result = BatchResult(result.done, tuple(others)) + progress
    return result


async def get_images(
    service: Service,
    repository: str,
    image_ids: Iterable[ImageIdentifier],
    *,
    accepted_media_types: Sequence[str] | None = None,
    registry_id: str | None = None,
    concurrency: int = 8,
) -> BatchResult[ImageIdentifier, Image]:
    """Get the manifests of images.

    `accepted_media_types` are those of `BatchGetImageRequest`. All manifests are held at once; each has
    some kilobytes as a rule, and 4 MiB at most. ECR counts this as a pull of each image.

    Raises `ValidationError` for anything but an `ImageIdentifier`, before anything is sent. At most
    `concurrency` calls are under way at a time. A call that fails is reported with each of its identifiers.
    Raises `SessionClosedError`.
    """
    check_services(service=service)
    check_kinds(str, repository=repository)
    check_kinds(str | None, registry_id=registry_id)
    check_number("concurrency", concurrency, least=1, whole=True)
    if accepted_media_types is not None:
        accepted_media_types = check_strings("accepted_media_types", accepted_media_types)

    async def get(chunk: Sequence[ImageIdentifier]) -> BatchResult[ImageIdentifier, Image]:
        request = BatchGetImageRequest(
            repository, chunk, accepted_media_types=accepted_media_types, registry_id=registry_id
        )
        response = await batch_get_image(service, request)
        return BatchResult(response.images, _failures(response.failures))

    return await _in_chunks(_image_ids(image_ids), get, concurrency)


async def check_layers(
    service: Service,
    repository: str,
    layer_digests: Iterable[str],
    *,
    registry_id: str | None = None,
    concurrency: int = 8,
) -> BatchResult[str, Layer]:
    """Find out which layers are in a repository.

    At most `concurrency` calls are under way at a time. A call that fails is reported with each of its
    digests. Raises `SessionClosedError`; and `ValidationError` for anything but a list of strings.
    """
    check_services(service=service)
    check_kinds(str, repository=repository)
    check_kinds(str | None, registry_id=registry_id)
    check_number("concurrency", concurrency, least=1, whole=True)
    digests = check_strings("layer_digests", layer_digests)

    async def check(chunk: Sequence[str]) -> BatchResult[str, Layer]:
        request = BatchCheckLayerAvailabilityRequest(repository, chunk, registry_id)
        response = await batch_check_layer_availability(service, request)
        failures = [
            BatchFailure(failure.layer_digest or "", failure.failure_code or "", failure.failure_reason or "")
            for failure in response.failures
        ]
        return BatchResult(response.layers, tuple(failures))

    return await _in_chunks(digests, check, concurrency)


def _image_ids(given: Iterable[Any]) -> list[ImageIdentifier]:
    """Return the identifiers without duplicates, after checking their types at run time.

    A bare string is rejected: it could be a tag or a digest.
    """
    if not isinstance(cast("object", given), Iterable):
        raise ValidationError("image_ids", f"must be a list, not {type(given).__name__}")
    ids = list(given)
    for index, each in enumerate(ids):
        if not isinstance(each, ImageIdentifier):
            raise ValidationError(
                f"image_ids[{index}]", f"must be an ImageIdentifier, not {type(each).__name__}"
            )
    return list(dict.fromkeys(ids))


async def _in_chunks(
    ids: Iterable[IdT],
    call: Callable[[Sequence[IdT]], Awaitable[BatchResult[IdT, DoneT]]],
    concurrency: int,
) -> BatchResult[IdT, DoneT]:
    """Call with each chunk of the identifiers, without duplicates, and add up the results."""
    every = list(dict.fromkeys(ids))
    chunks = [every[start : start + CHUNK] for start in range(0, len(every), CHUNK)]
    results: list[BatchResult[IdT, DoneT]] = [BatchResult()] * len(chunks)

    async def work(numbered: tuple[int, Sequence[IdT]]) -> None:
        number, chunk = numbered
        results[number] = await _called(call, chunk)

    await for_each(enumerate(chunks), work, min(concurrency, len(chunks)))
    return BatchResult(
        tuple(done for result in results for done in result.done),
        tuple(failure for result in results for failure in result.failures),
    )


async def _called(
    call: Callable[[Sequence[IdT]], Awaitable[BatchResult[IdT, DoneT]]], chunk: Sequence[IdT]
) -> BatchResult[IdT, DoneT]:
    """Call with one chunk. An identifier that cannot be sent is singled out, so that it fails alone."""
    try:
        return await call(chunk)
    except SessionClosedError:
        raise
    except ECRError as error:
        if isinstance(error, ValidationError) and len(chunk) > 1:
            middle = len(chunk) // 2
            return await _called(call, chunk[:middle]) + await _called(call, chunk[middle:])
        code = error.code if isinstance(error, ServiceError) else type(error).__name__
        return BatchResult((), tuple([BatchFailure(each, code, str(error), error) for each in chunk]))


def _failures(failures: Iterable[ImageFailure]) -> tuple[BatchFailure[ImageIdentifier], ...]:
    return tuple(
        [
            BatchFailure(
                failure.image_id or ImageIdentifier(),
                failure.failure_code or "",
                failure.failure_reason or "",
            )
            for failure in failures
        ]
    )


def _is_referenced(failure: BatchFailure[ImageIdentifier]) -> bool:
    return failure.code == "ImageReferencedByManifestList"


async def _would_delete(
    service: Service, repository: str, ids: Iterable[ImageIdentifier], registry_id: str | None
) -> DeletedImages:
    """Simulate the deletion on a list of the repository's images."""
    listing = ImageListing()
    request = ListImagesRequest(
        repository, registry_id, max_results=1000, filter=ListImagesFilter(image_status="ANY")
    )
    async for image_id in paginate_list_images(service, request):
        listing.add(image_id)
    done: list[ImageIdentifier] = []
    failures: list[BatchFailure[ImageIdentifier]] = []
    for image_id in ids:
        code = listing.rejection(image_id)
        if code is None:
            done += listing.delete(image_id)
        else:
            failures.append(BatchFailure(image_id, code, "it would not be deleted"))
    return BatchResult(tuple(done), tuple(failures))

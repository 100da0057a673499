"""What a program does with the library, each with what must hold however it ends."""

import itertools
from collections import Counter
from collections.abc import Awaitable, Mapping
from contextlib import aclosing
from typing import Any

import ecr_async as ecr
from tests.chaos.harness import Workload
from tests.chaos.registry import Registry

__all__ = ["WORKLOADS"]

_ = (
    ecr.scan_images
)  # loaded now: while a loop's errors are shown, Python 3.11 may fail to compile what is loaded

_numbers = itertools.count()


async def call(service: ecr.Service, registry: Registry) -> None:
    """Read one page."""
    request = ecr.DescribeRepositoriesRequest(max_results=10)
    page = await ecr.describe_repositories(service, request)
    assert {repository.repository_name for repository in page.repositories} <= set(registry.images)


async def page_through(service: ecr.Service, registry: Registry) -> None:
    """Read a repository's images, every one of them exactly once."""
    name = list(registry.images)[next(_numbers) % len(registry.images)]
    async with aclosing(
        aiter(ecr.paginate_describe_images(service, ecr.DescribeImagesRequest(name, max_results=20)))
    ) as images:
        found = Counter([image.image_digest async for image in images])
    assert found == Counter(registry.images[name])


async def create(service: ecr.Service, registry: Registry) -> None:
    """Create a repository."""
    name = f"new/{next(_numbers)}"
    await change(ecr.create_repository(service, ecr.CreateRepositoryRequest(name)), registry, name, most=1)


async def begin_upload(service: ecr.Service, registry: Registry) -> None:
    """Begin an upload; each attempt may have begun one."""
    name = f"new/{next(_numbers)}"
    request = ecr.InitiateLayerUploadRequest(name)
    await change(ecr.initiate_layer_upload(service, request), registry, name, most=3)


async def change(call: Awaitable[Any], registry: Registry, name: str, *, most: int) -> None:
    """Make a call that changes something: an error says whether it may have done so nevertheless."""
    failure: ecr.CallError | None = None
    try:
        await call
    except ecr.CallError as error:
        failure = error
    done = registry.effects[name]
    assert done <= most
    if failure is None:
        assert done, "it succeeded, and nothing was done"
    else:
        assert failure.may_have_succeeded or not done, f"it was done, although {failure!r}"
        raise failure


async def wait(service: ecr.Service, registry: Registry) -> None:
    """Wait for a preview."""
    name = list(registry.images)[next(_numbers) % len(registry.images)]
    preview = await ecr.wait_until_lifecycle_policy_preview_complete(
        service, ecr.GetLifecyclePolicyPreviewRequest(name), timeout=120
    )
    assert preview.status == "COMPLETE"


async def scan(service: ecr.Service, registry: Registry) -> None:
    """Scan everything: what is not reported as failed is there, exactly once."""
    found: Counter[str | None] = Counter()
    complete: set[str] = set()
    unlisted = False
    results = ecr.scan_images([service], page_size=20, concurrency=5, patience=60)
    async with results:
        async for result in results:
            match result:
                case ecr.ScannedPage():
                    found.update(image.image_digest for image in result.images)
                    if result.is_last:
                        complete.add(result.repository)
                case ecr.FailedRepository():
                    assert isinstance(result.error, ecr.ECRError)
                    complete.add(result.repository)
                    found.update(set(registry.images[result.repository]) - set(found))
                case ecr.FailedListing():
                    assert isinstance(result.error, ecr.ECRError)
                    unlisted = True
                case _:
                    raise AssertionError(f"{result!r} cannot be")
    assert unlisted or complete == set(registry.images)
    assert found == Counter(image for name in complete for image in registry.images[name])


WORKLOADS: Mapping[str, tuple[Workload[Registry], int]] = {
    "call": (call, 60),
    "page through": (page_through, 14),
    "create": (create, 12),
    "begin an upload": (begin_upload, 8),
    "wait": (wait, 5),
    "scan": (scan, 1),
}
"""Each with its weight."""

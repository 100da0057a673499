"""A made-up registry to try things out on: repositories of images that can be pulled, the same every time."""

from collections.abc import Iterator
from random import Random

import attrs

import ecr_async.api as ecr
from ecr_async.local.contents import ImageContents, upload
from ecr_async.local.embedded import LocalECR

__all__ = ["fill_with_samples"]

TEAMS = ("billing", "catalog", "checkout", "identity", "payments", "platform", "search", "shipping")
PARTS = ("api", "worker", "web", "jobs", "proxy", "reports", "events", "admin")
IMAGES_EACH = 50
"""Images in a repository, about."""
UNTAGGED = 10
"""One image in so many has lost its tag to a newer one."""


@attrs.frozen
class _Repository:
    """A repository and how many images it is to have."""

    name: str
    images: int


async def fill_with_samples(local: LocalECR, images: int) -> None:
    """Push so many images to the server's default registry, in as many repositories as that takes."""
    for repository in _repositories(images):
        try:
            await local.call(ecr.CreateRepositoryRequest(repository.name))
        except ecr.RepositoryAlreadyExistsException:
            continue  # a former run has filled it
        contents = ImageContents.of_files({"etc/name": f"{repository.name}\n"})
        await upload(local, repository.name, contents)
        await local.fill(_pushes(repository, contents))


def _repositories(images: int) -> Iterator[_Repository]:
    names = [f"{team}/{part}" for team in TEAMS for part in PARTS]
    number = -(-images // IMAGES_EACH)
    for index in range(number):
        cycle, place = divmod(index, len(names))
        name = names[place] + (f"-{cycle + 1}" if cycle else "")
        yield _Repository(name, images // number + (index < images % number))


def _pushes(repository: _Repository, contents: ImageContents) -> Iterator[ecr.PutImageRequest]:
    """Yield the pushes to a repository: each image with its version, some of which move on."""
    chance = Random(repository.name)  # noqa: S311 - it is to be foreseen
    major, minor = chance.randrange(1, 5), 0
    for number in range(repository.images):
        if chance.randrange(UNTAGGED) or not number:
            minor += 1
        manifest = contents.manifest({"org.opencontainers.image.revision": f"{number:040x}"})
        yield ecr.PutImageRequest(repository.name, manifest, image_tag=f"{major}.{minor}.0")

"""Images on their way through a server of which nobody expects anything good, in front of an embedded ECR.

Whatever ends a push, a pull, a copy or a sync: what is under its name is whole, nothing is left open or lying
about, and the same once more, when the server is well again, brings it to its end.
"""

import contextlib
import io
import itertools
import json
import os
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from unittest import mock

import aiohttp
import attrs
from yarl import URL

import ecr_async as ecr
from ecr_async.local import LocalECR
from tests.chaos.harness import Workload
from tests.chaos.misbehaviour import Reply
from tests.faults.server import Request
from tests.integration.transfer.layouts import (
    Made,
    artifact,
    files_of,
    image,
    index,
    noise,
    pack,
    write_layout,
)
from tests.virtual_time import in_real_time

__all__ = ["TRANSFERS", "Registries", "registries"]

for _name in ("push_image", "pull_image", "copy_image", "sync_images"):
    getattr(ecr, _name)  # loaded now, and not in the middle of a loop's first error

HERE, THERE = "us-east-1", "eu-west-1"
SOURCE = "images"

SMALL = image(noise(20_000, 1), noise(3000, 2))
SHARING = image(noise(20_000, 1), noise(50_000, 3))
PLATFORMS = index({"linux/amd64": SMALL, "linux/arm64": image(noise(7000, 4), architecture="arm64")})
SIGNED = artifact(SHARING)
IMAGES = {"small": SMALL, "sharing": SHARING, "platforms": PLATFORMS}
LARGE = image(noise(11 * 1024 * 1024, 5))
"""An image whose layer goes up in two parts."""

Attempt = Callable[[ecr.Service], Coroutine[Any, Any, None]]


@attrs.define
class Registries:
    """Two regions of an embedded ECR, layouts to push, and what was begun and isn't at its end."""

    local: LocalECR
    http: aiohttp.ClientSession
    folder: Path
    unfinished: list[Attempt] = attrs.field(factory=list[Attempt])
    numbers: "itertools.count[int]" = attrs.field(factory=itertools.count)

    @property
    def identity(self) -> dict[str, Any]:
        """The options of a session that calls as the registries' owner."""
        return {
            "region": HERE,
            "access_key_id": self.local.access_key_id,
            "secret_access_key": self.local.secret_access_key,
            "trust_env": False,
        }

    async def respond(self, request: Request) -> Reply:
        """Have the embedded ECR carry out a request."""
        method, target, _ = request.line.split()
        headers = {name: value for name, value in request.headers.items() if name != "content-length"}
        url = URL(self.local.endpoint_url + target, encoded=True)
        left_out = {"content-length", "transfer-encoding", "connection", "x-amzn-requestid"}
        body = io.BytesIO(request.body)
        with in_real_time():
            async with self.http.request(method, url, headers=headers, data=body) as response:
                kept = {
                    name: value for name, value in response.headers.items() if name.lower() not in left_out
                }
                return Reply(await response.read(), response.status, kept)

    async def new_repository(self, kind: str, region: str = HERE) -> str:
        """Create a repository of an unused name."""
        name = f"{kind}/{next(self.numbers)}"
        await self.local.call(ecr.CreateRepositoryRequest(name), region=region)
        return name

    async def tags_of(self, repository: str, region: str) -> dict[str | None, str | None]:
        """Return the digests of a repository's tags; of an image without one the tag is None."""
        try:
            response = await self.local.call(ecr.ListImagesRequest(repository), region=region)
        except ecr.RepositoryNotFoundException:
            return {}
        return {each.image_tag: each.image_digest for each in response.image_ids}

    async def check(self, repository: str, region: str, made: Mapping[str, Made], *, is_done: bool) -> None:
        """Check that the tags there are those that should be, or some of them, and all images whole."""
        found = await self.tags_of(repository, region)
        expected = {tag: image.digest for tag, image in made.items()}
        found.pop(None, None)
        assert found.items() <= expected.items()
        assert not is_done or found == expected
        for tag, each in made.items():
            if tag in found:
                await self._check_whole(repository, region, each)

    async def _check_whole(self, repository: str, region: str, made: Made) -> None:
        layers = [
            digest for digest, content in made.blobs.items() if not content.startswith(b'{"schemaVersion"')
        ]
        request = ecr.BatchCheckLayerAvailabilityRequest(repository, layers)
        response = await self.local.call(request, region=region)
        assert not response.failures
        assert {layer.layer_availability for layer in response.layers} <= {"AVAILABLE"}


async def attempted(registries: Registries, service: ecr.Service, attempt: Attempt) -> None:
    """Make an attempt; one that does not succeed is to be made again, when all is well."""
    registries.unfinished.append(attempt)
    await attempt(service)
    registries.unfinished.remove(attempt)


async def push(service: ecr.Service, registries: Registries) -> None:
    """Push a layout, or an archive of one."""
    number = next(registries.numbers)
    name = list(IMAGES)[number % len(IMAGES)]
    await push_one(service, registries, IMAGES[name], name + (".tar.gz" if number % 5 == 0 else ""))


async def push_large(service: ecr.Service, registries: Registries) -> None:
    """Push a layer that takes several parts."""
    await push_one(service, registries, LARGE, "large")


async def push_one(service: ecr.Service, registries: Registries, made: Made, source: str) -> None:
    repository = await registries.new_repository("pushed")

    async def attempt(service: ecr.Service) -> None:
        is_done = False
        try:
            pushed = await ecr.push_image(service, registries.folder / source, repository, tags=["v1"])
            is_done = pushed.digest == made.digest
        finally:
            await registries.check(repository, HERE, {"v1": made}, is_done=is_done)
        assert is_done

    await attempted(registries, service, attempt)


async def pull(service: ecr.Service, registries: Registries) -> None:
    """Pull into a folder, or an archive."""
    number = next(registries.numbers)
    name = list(IMAGES)[number % len(IMAGES)]
    made = IMAGES[name]
    place = registries.folder / f"pulled-{number}"
    place.mkdir()
    target = place / ("layout.tar" if number % 5 == 0 else "layout")

    async def attempt(service: ecr.Service) -> None:
        is_done = False
        try:
            pulled = await ecr.pull_image(service, SOURCE, name, target)
            is_done = pulled.digest == made.digest
        finally:
            check_pulled(target, made, is_done=is_done)
        assert is_done
        assert os.listdir(place) == [target.name]

    await attempted(registries, service, attempt)


def check_pulled(target: Path, made: Made, *, is_done: bool) -> None:
    """Check that each file is what its name says; and, in the end, that all are there and no others."""
    if target.suffix == ".tar":
        assert target.exists() == is_done
        return
    files = files_of(target) if target.exists() else {}
    blobs = {
        name[6:].replace("/", ":"): content for name, content in files.items() if name.startswith("blobs/")
    }
    assert blobs.items() <= made.all.items()
    listed = json.loads(files["index.json"])["manifests"] if "index.json" in files else []
    assert not listed or blobs == made.all, "it is listed before it is there"
    if is_done:
        assert [each["digest"] for each in listed] == [made.digest]
        assert files.keys() == {"oci-layout", "index.json"} | {
            f"blobs/{digest.replace(':', '/')}" for digest in made.all
        }


async def copy(service: ecr.Service, registries: Registries) -> None:
    """Copy to another region."""
    repository = await registries.new_repository("copied", THERE)
    name = list(IMAGES)[next(registries.numbers) % len(IMAGES)]
    there = other_region(service)

    async def attempt(service: ecr.Service) -> None:
        is_done = False
        try:
            await ecr.copy_image(service, SOURCE, name, there, repository)
            is_done = True
        finally:
            await registries.check(repository, THERE, {name: IMAGES[name]}, is_done=is_done)

    await attempted(registries, service, attempt)


def other_region(service: ecr.Service) -> ecr.Service:
    return ecr.Service(service.runtime, THERE, service.endpoint_url, service.retries)


async def sync(service: ecr.Service, registries: Registries) -> None:
    """Bring a repository to another region, under a new name."""
    number = next(registries.numbers)
    repository = f"synced-{number}/{SOURCE}"
    there = other_region(service)
    checkpoint = registries.folder / f"sync-{number}.checkpoint"

    async def attempt(service: ecr.Service) -> None:
        is_done = False
        syncing = ecr.sync_images(
            service,
            there,
            [SOURCE],
            rename=lambda name: f"synced-{number}/{name}",
            create_repositories="like_source",
            include_referrers=True,
            checkpoint=checkpoint,
            patience=60,
        )
        try:
            failures = await results_of(syncing)
            is_done = syncing.summary.complete
            assert is_done == (not failures)
        finally:
            await registries.check(repository, THERE, IMAGES, is_done=is_done)
        if failures:
            raise failures[0]
        assert None in (await registries.tags_of(repository, THERE))
        assert not checkpoint.exists()

    await attempted(registries, service, attempt)


async def results_of(syncing: Any) -> list[ecr.ECRError]:
    """Go through a sync; check that each image is accounted for once, and return what failed."""
    failures: list[ecr.ECRError] = []
    found: Counter[str] = Counter()
    async with syncing:
        async for result in syncing:
            error = getattr(result, "error", None)
            if error is not None:
                assert isinstance(error, ecr.ECRError)
                failures.append(error)
            found[getattr(result, "digest", "")] += 1
    digests = {made.digest for made in IMAGES.values()}
    assert all(found[digest] == 1 for digest in digests) or failures
    assert not any(found[digest] > 1 for digest in digests)
    return failures


TRANSFERS: Mapping[str, tuple[Workload[Registries], int]] = {
    "push": (push, 12),
    "push large": (push_large, 1),
    "pull": (pull, 12),
    "copy": (copy, 8),
    "sync": (sync, 3),
}
"""Each with its weight."""


@asynccontextmanager
async def registries() -> AsyncIterator[Registries]:
    """Serve registries with images, for as long as the block lasts. Nothing temporary is left."""
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=_memory())))
        temporary = folder / "tmp"
        temporary.mkdir()
        stack.enter_context(mock.patch.object(tempfile, "tempdir", str(temporary)))
        stack.enter_context(mock.patch.dict(os.environ, XDG_STATE_HOME=str(folder / "state")))
        for name, made in {**IMAGES, "large": LARGE}.items():
            write_layout(folder / name, [("v1", made)])
            pack(folder / name, folder / f"{name}.tar.gz", "w:gz")
        async with (
            LocalECR(verify_layers=False) as local,
            aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(force_close=True, limit=0),
                timeout=aiohttp.ClientTimeout(),
                auto_decompress=False,
            ) as http,
        ):
            world = Registries(local, http, folder)
            await local.call(ecr.CreateRepositoryRequest(SOURCE))
            async with local.session() as session:
                for name in IMAGES:
                    await ecr.push_image(session.service(), folder / name, SOURCE, tags=[name])
                signed = write_layout(folder / "signed", [(None, SHARING), (None, SIGNED)])
                await ecr.push_image(session.service(), signed, SOURCE, reference=SIGNED.digest)
            yield world
        assert not os.listdir(temporary), "something temporary is left"


def _memory() -> str | None:
    return "/dev/shm" if os.path.isdir("/dev/shm") else None

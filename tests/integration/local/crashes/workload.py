"""Random writing by both doors, and a record of what was acknowledged."""

import contextlib
import json
import sqlite3
from collections.abc import Callable, Coroutine
from pathlib import Path
from random import Random
from typing import Any

import attrs
from yarl import URL

from ecr_async import api as ecr
from ecr_async.errors import TransportError
from ecr_async.local.state.blobs import Blobs
from ecr_async.service import Service
from tests.integration.local.content import descriptor, digest_of, manifest, push_layer
from tests.integration.local.crashes.settings import SETTINGS
from tests.integration.local.distribution.client import Door

TAGS = ("v1", "v2", "latest")
OTHERS = ("team/app-0", "team/app-1", "team/app-2")
"""Repositories that layers are mounted from; those of all writers."""


def content(seed: int) -> bytes:
    """Return the bytes of a layer; few seeds make repositories share layers.

    Some are so large that the API takes them in while they arrive.
    """
    return Random(seed).randbytes((400_000 if seed % 4 == 3 else 20_000) + seed)


@attrs.define
class Facts:
    """What must be so, whatever happens: what was acknowledged, and is not being changed."""

    exists: bool | None = False
    """Whether the repository is there; None while that is being changed."""
    layers: set[int] = attrs.field(factory=set)
    tags: dict[str, str] = attrs.field(factory=dict)
    """Manifests by their tags."""
    gone: set[str] = attrs.field(factory=set)
    """Tags that were deleted."""
    uploads: dict[str, int] = attrs.field(factory=dict)
    """Bytes received, by the paths of uploads."""
    settings: dict[str, int] = attrs.field(factory=dict)
    """What the repository was set to last, by kinds of settings."""

    def forget(self) -> None:
        """Nothing is known any more."""
        self.exists = None
        for held in (self.layers, self.tags, self.gone, self.uploads, self.settings):
            held.clear()


HALF = content(0)
"""What is uploaded in two halves, of which the second never comes."""


@attrs.define
class Writer:
    """Writes to one repository."""

    name: str
    service: Service
    door: Door
    random: Random
    facts: Facts = attrs.field(factory=Facts)
    acknowledged: int = 0

    async def run(self) -> None:
        """Write until the server is gone."""
        try:
            while True:
                await self.step()
                self.acknowledged += 1
        except (TransportError, OSError, ConnectionError, ecr.ServerException):
            return
        except Exception as error:
            if type(error).__module__.startswith("aiohttp"):
                return
            raise

    async def step(self) -> None:
        """Do one thing."""
        if not self.facts.exists:
            await self.create()
            return
        steps: list[Callable[[], Coroutine[Any, Any, None]]] = []
        steps += [self.push] * 6 + [self.upload] * 3
        steps += [self.untag] * 2 + [self.change] * 3
        steps += [self.archive, self.mount, self.cancel, self.scan, self.delete, self.policy]
        await self.random.choice(steps)()

    async def create(self) -> None:
        self.facts.forget()
        with contextlib.suppress(ecr.RepositoryAlreadyExistsException):
            await ecr.create_repository(self.service, ecr.CreateRepositoryRequest(self.name))
        self.facts.exists = True
        sharing = ecr.PutAccountSettingRequest("BLOB_MOUNTING", "ENABLED")
        await ecr.put_account_setting(self.service, sharing)

    async def delete(self) -> None:
        self.facts.forget()
        await ecr.delete_repository(self.service, ecr.DeleteRepositoryRequest(self.name, force=True))
        self.facts.exists = False

    async def policy(self) -> None:
        text = json.dumps(
            {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "ecr:*"}]}
        )
        await ecr.set_repository_policy(self.service, ecr.SetRepositoryPolicyRequest(self.name, text))

    async def push(self) -> None:
        seeds = self.random.sample(range(1, 12), 2)
        for seed in seeds:
            await self.layer(seed)
        layers = [descriptor(content(seed)) for seed in seeds]
        text = manifest(config=content(seeds[0]), layers=layers)
        tag = self.random.choice(TAGS)
        self.facts.tags.pop(tag, None)
        self.facts.gone.discard(tag)
        if self.random.random() < 0.5:
            with contextlib.suppress(ecr.ImageAlreadyExistsException):
                await ecr.put_image(self.service, ecr.PutImageRequest(self.name, text, image_tag=tag))
        else:
            assert (await self.door.put(text, tag, self.name)).status == 201
        self.facts.tags[tag] = text

    async def layer(self, seed: int) -> None:
        if self.random.random() < 0.5:
            with contextlib.suppress(ecr.LayerAlreadyExistsException):
                await push_layer(self.service, content(seed), self.name)
        else:
            await self.door.push_blob(content(seed), self.name)
        self.facts.layers.add(seed)

    async def upload(self) -> None:
        begun = await self.door.send("POST", f"/v2/{self.name}/blobs/uploads/")
        path = URL(begun.location).path
        half = len(HALF) // 2
        sent = await self.door.send("PATCH", path, HALF[:half])
        assert sent.status == 202
        self.facts.uploads[path] = half

    async def cancel(self) -> None:
        begun = await self.door.send("POST", f"/v2/{self.name}/blobs/uploads/")
        assert (await self.door.send("DELETE", begun.location)).status == 204

    async def mount(self) -> None:
        seed, source = self.random.randrange(1, 12), self.random.choice(OTHERS)
        query = f"mount={digest_of(content(seed))}&from={source}"
        response = await self.door.send("POST", f"/v2/{self.name}/blobs/uploads/?{query}")
        if response.status == 201:
            self.facts.layers.add(seed)

    async def change(self) -> None:
        kind, value = self.random.choice(sorted(SETTINGS)), self.random.randrange(2, 100)
        self.facts.settings.pop(kind, None)
        await SETTINGS[kind].write(self.service, self.name, value)
        self.facts.settings[kind] = value % 2 if kind == "scanning" else value

    async def untag(self) -> None:
        if not self.facts.tags:
            return
        tag = self.random.choice(sorted(self.facts.tags))
        del self.facts.tags[tag]
        if self.random.random() < 0.5:
            request = ecr.BatchDeleteImageRequest(self.name, [ecr.ImageIdentifier(image_tag=tag)])
            await ecr.batch_delete_image(self.service, request)
        else:
            assert (await self.door.send("DELETE", f"/v2/{self.name}/manifests/{tag}")).status == 202
        self.facts.gone.add(tag)

    async def archive(self) -> None:
        """Archive an image and restore it, which all its tags share."""
        if not self.facts.tags:
            return
        held = dict(self.facts.tags)
        self.facts.tags.clear()
        image = ecr.ImageIdentifier(image_tag=self.random.choice(sorted(held)))
        for target in ("ARCHIVE", "STANDARD"):
            request = ecr.UpdateImageStorageClassRequest(self.name, image, target)
            await ecr.update_image_storage_class(self.service, request)
        self.facts.tags.update(held)

    async def scan(self) -> None:
        if not self.facts.tags:
            return
        image = ecr.ImageIdentifier(image_tag=self.random.choice(sorted(self.facts.tags)))
        with contextlib.suppress(ecr.LimitExceededException):
            await ecr.start_image_scan(self.service, ecr.StartImageScanRequest(self.name, image))

    # ------------------------------------------------------------------------ afterwards

    async def verify(self) -> None:
        """Assert that what was acknowledged is whole."""
        described = ecr.DescribeRepositoriesRequest(repository_names=[self.name])
        if self.facts.exists is None:
            return
        if self.facts.exists is False:
            try:
                await ecr.describe_repositories(self.service, described)
            except ecr.RepositoryNotFoundException:
                return
            raise AssertionError(f"{self.name} was deleted, and is there")
        await ecr.describe_repositories(self.service, described)
        for seed in self.facts.layers:
            digest = digest_of(content(seed))
            request = ecr.BatchCheckLayerAvailabilityRequest(self.name, [digest])
            [layer] = (await ecr.batch_check_layer_availability(self.service, request)).layers
            assert layer.layer_availability == "AVAILABLE"
        for kind, value in self.facts.settings.items():
            assert await SETTINGS[kind].read(self.service, self.name) == value, kind
        for tag, text in self.facts.tags.items():
            await self.verify_image(tag, text)
        for tag in self.facts.gone:
            assert await self.image(tag) is None
        for path, size in self.facts.uploads.items():
            assert (await self.door.send("GET", path)).headers["Range"] == f"0-{size - 1}"
            done = await self.door.send("PUT", f"{path}?digest={digest_of(HALF)}", HALF[size:])
            assert done.status == 201
            self.facts.layers.add(0)
        self.facts.uploads.clear()

    async def verify_image(self, tag: str, text: str) -> None:
        assert await self.image(tag) == text
        for layer in json.loads(text)["layers"]:
            blob = await self.door.send("GET", f"/v2/{self.name}/blobs/{layer['digest']}")
            assert blob.status == 200
            assert digest_of(blob.body) == layer["digest"]

    async def image(self, tag: str) -> str | None:
        """Return the manifest of a tag."""
        request = ecr.BatchGetImageRequest(self.name, [ecr.ImageIdentifier(image_tag=tag)])
        response = await ecr.batch_get_image(self.service, request)
        return response.images[0].image_manifest if response.images else None


def verify_files(folder: Path) -> None:
    """Assert that in the folder of a server which has ended rows and files agree."""
    db = sqlite3.connect(folder / "ecr.sqlite")
    blobs = Blobs(folder)
    layers = dict(db.execute("SELECT DISTINCT digest, size FROM layers").fetchall())
    assert dict(blobs.layers()) == layers
    uploads = dict(db.execute("SELECT id, received FROM uploads").fetchall())
    files = dict(blobs.uploads())
    assert files.keys() <= uploads.keys()
    assert all(files.get(name, 0) >= received for name, received in uploads.items())
    db.close()

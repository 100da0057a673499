"""Pull-through cache rules at work: an image is fetched from elsewhere when it is first pulled here.

https://docs.aws.amazon.com/AmazonECR/latest/userguide/pull-through-cache.html

The image comes whole, an index with all its images, before the pull goes on. A tag is compared with the
upstream's once a day, and is served from the cache if the upstream cannot be reached.
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from weakref import WeakValueDictionary

import aiohttp
import attrs

from ecr_async.api.common import ImageIdentifier, RepositoryNotFoundException
from ecr_async.api.layers import (
    BATCH_CHECK_LAYER_AVAILABILITY,
    INITIATE_LAYER_UPLOAD,
    UPLOAD_LAYER_PART,
    LayerAlreadyExistsException,
)
from ecr_async.api.manifests import (
    BATCH_GET_IMAGE,
    PUT_IMAGE,
    ImageAlreadyExistsException,
    UnableToGetUpstreamImageException,
)
from ecr_async.api.pull_through_cache import PullThroughCacheRule
from ecr_async.local.backend import Backend
from ecr_async.local.distribution.exchange import Access
from ecr_async.local.distribution.upstream import Upstream, is_on_loopback
from ecr_async.local.operations.provisioning import find_template, provision
from ecr_async.local.operations.pull_through_cache import find_rule
from ecr_async.local.rules import events, registry_messages
from ecr_async.local.rules.images import NoImageError, find
from ecr_async.local.rules.layers import begin_upload, find_layer
from ecr_async.local.rules.manifests import Manifest, ManifestError
from ecr_async.local.rules.pushing import push
from ecr_async.local.rules.registry import Registry, Scope
from ecr_async.local.state.digests import algorithm_of

__all__ = ["PullThrough"]

DAY = 24 * 3600.0
PIECE = 1 << 20


@attrs.frozen
class _Origin:
    """Where the images of a repository come from."""

    upstream: Upstream
    repository: str


class PullThrough:
    """Fetches what rules say, one image of a repository at a time."""

    def __init__(self, backend: Backend, session: aiohttp.ClientSession) -> None:
        self._backend = backend
        self._session = session
        self._locks: WeakValueDictionary[tuple[str, ...], asyncio.Lock] = WeakValueDictionary()
        self._compared: dict[tuple[str, ...], float] = {}

    async def __call__(self, scope: Scope, name: str, references: Sequence[ImageIdentifier]) -> None:
        """Fetch images if a rule covers their repository and they aren't here, or their tags may have moved.

        Raises `UnableToGetUpstreamImageException` if one is neither here nor to be had.
        """
        access = Access(self._backend, scope.caller, scope.url)
        rule = await access.read(BATCH_GET_IMAGE, lambda registry: find_rule(registry, name))
        if rule is None:
            return
        repository = (scope.caller.account, scope.caller.region, name)
        async with self._locks.setdefault(repository, asyncio.Lock()):
            for reference in references:
                await self._refresh(access, repository, rule, reference)

    async def _refresh(
        self,
        access: Access,
        repository: tuple[str, str, str],
        rule: PullThroughCacheRule,
        reference: ImageIdentifier,
    ) -> None:
        """Fetch an image if it isn't here, or if its tag hasn't been compared for a day."""
        name = repository[2]
        place = (*repository, reference.image_tag or "")
        known = await access.read(BATCH_GET_IMAGE, lambda registry: _digest(registry, name, reference))
        now = self._backend.clock()
        if known and (reference.image_tag is None or self._compared.get(place, -DAY) > now - DAY):
            return
        digest, failure = known, None
        try:
            digest = await self._fetch(access, name, self._origin(access, rule, name), reference, known)
        except UnableToGetUpstreamImageException as error:
            failure = error
        await access.write(
            BATCH_GET_IMAGE,
            lambda registry: events.pull_through_cache_synced(
                registry, rule, name, reference.image_tag, digest, failure
            ),
        )
        if failure is not None and known is None:
            raise failure
        self._compared[place] = now

    def _origin(self, access: Access, rule: PullThroughCacheRule, name: str) -> _Origin:
        url, prefix = rule.upstream_registry_url or "", rule.upstream_repository_prefix or "ROOT"
        if not is_on_loopback(url):
            raise registry_messages.upstream_elsewhere(url)
        rest = name
        if rule.ecr_repository_prefix not in (None, "ROOT"):
            rest = rest.removeprefix(f"{rule.ecr_repository_prefix}/")
        repository = rest if prefix == "ROOT" else f"{prefix}/{rest}"
        named = self._backend.rules.addresses.of_host(url.rpartition("//")[2])
        region = named.region if named else access.caller.region
        return _Origin(Upstream(self._session, url, region), repository)

    async def _fetch(
        self, access: Access, name: str, origin: _Origin, reference: ImageIdentifier, known: str | None
    ) -> str | None:
        """Bring an image here, what it refers to first.

        Returns its digest, `known` if it is here already, None if the upstream hasn't got it.
        """
        wanted = reference.image_digest or reference.image_tag or ""
        found = await origin.upstream.manifest(origin.repository, wanted)
        if found is None:
            return None
        media_type, text = found
        algorithm = algorithm_of(reference.image_digest or "") or "sha256"
        try:
            manifest = Manifest.parse(text, media_type, algorithm)
        except ManifestError as error:
            raise registry_messages.bad_upstream_manifest(error) from None
        if manifest.digest == known:
            return known
        await access.write(PUT_IMAGE, lambda registry: _ensure_repository(registry, name))
        for member in manifest.members:
            await self._fetch(access, name, origin, ImageIdentifier(member), None)
        for layer in manifest.layers:
            await self._fetch_layer(access, name, origin, layer)

        def work(registry: Registry) -> None:
            with suppress(ImageAlreadyExistsException):
                push(
                    registry,
                    registry.repository(name),
                    text,
                    media_type,
                    tag=reference.image_tag,
                    digest=reference.image_digest,
                )

        await access.write(PUT_IMAGE, work)
        return manifest.digest

    async def _fetch_layer(self, access: Access, name: str, origin: _Origin, digest: str) -> None:
        def is_here(registry: Registry) -> bool:
            return find_layer(registry, registry.repository(name), digest) is not None

        if await access.read(BATCH_CHECK_LAYER_AVAILABILITY, is_here):
            return
        upload = await access.write(
            INITIATE_LAYER_UPLOAD, lambda registry: begin_upload(registry, registry.repository(name))
        )
        scope, uploads = access.scope(UPLOAD_LAYER_PART), self._backend.uploads
        async with (
            uploads.append(scope, name, upload.id) as writer,
            origin.upstream.blob(origin.repository, digest) as content,
        ):
            async for piece in content.iter_chunked(PIECE):
                await writer.write([piece])
            await writer.commit()
        with suppress(LayerAlreadyExistsException):
            await uploads.complete(scope, name, upload.id, [digest], may_be_empty=True)


def _digest(registry: Registry, name: str, reference: ImageIdentifier) -> str | None:
    """Return the digest of an image that is here."""
    try:
        return find(registry, registry.repository(name), reference).digest
    except (NoImageError, RepositoryNotFoundException):
        return None


def _ensure_repository(registry: Registry, name: str) -> None:
    try:
        registry.repository(name)
    except RepositoryNotFoundException:
        provision(registry, name, find_template(registry, name, "PULL_THROUGH_CACHE"))

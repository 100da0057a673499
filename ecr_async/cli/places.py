"""An image's location on the command line: `team/app:v1`, with or without the registry's host."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import attrs

from ecr_async.oci.references import ImageReference
from ecr_async.service import Service
from ecr_async.session import Session

__all__ = ["Place"]


@attrs.frozen
class Place:
    """A registry, with the options to reach it."""

    profile: str | None = None
    region: str | None = None
    endpoint_url: str | None = None

    def of(self, reference: ImageReference) -> "Place":
        """Return the registry that a reference names, or this one if it names none."""
        registry = reference.registry
        if registry is None:
            return self
        return Place(self.profile, self.region or registry.region, self.endpoint_url or registry.endpoint_url)

    @asynccontextmanager
    async def open(self) -> AsyncGenerator[Service, None]:
        """Open a session for as long as the block lasts, and yield its service."""
        session = Session(profile=self.profile, region=self.region, endpoint_url=self.endpoint_url)
        async with session:
            yield session.service()

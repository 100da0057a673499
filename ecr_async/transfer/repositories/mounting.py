"""Layers mounted: taken over from another repository of the same registry without moving a byte.

The API has no operation for it, the registry's HTTP API has. Whether ECR allows it is a setting of the
account.

See https://github.com/opencontainers/distribution-spec/blob/main/spec.md#mounting-a-blob-from-another-repository
"""

from typing import Self
from urllib.parse import urlencode

import attrs

from ecr_async.errors import CallError, CredentialsError
from ecr_async.service import Service
from ecr_async.transfer.login.registry_credentials import registry_credentials

__all__ = ["Mounting"]


@attrs.define
class Mounting:
    """Mounts layers of `source` into `repository`, until the registry says that it won't."""

    service: Service
    source: str
    repository: str
    is_possible: bool = True

    @classmethod
    async def between(
        cls, source_service: Service, source: str, service: Service, repository: str
    ) -> Self | None:
        """Return what mounts between two repositories; None if they are not in one registry."""
        same_region = source_service.region == service.region
        if not same_region or source_service.endpoint_url != service.endpoint_url or source == repository:
            return None
        try:
            first, second = await registry_credentials(source_service), await registry_credentials(service)
        except (CallError, CredentialsError):
            return None
        return cls(service, source, repository) if first.endpoint == second.endpoint else None

    async def mount(self, digest: str) -> bool:
        """Mount a layer; return whether it is in the repository now."""
        if not self.is_possible:
            return False
        try:
            login = await registry_credentials(self.service)
            query = urlencode({"mount": digest, "from": self.source})
            url = f"{login.endpoint.rstrip('/')}/v2/{self.repository}/blobs/uploads/?{query}"
            headers = {"Authorization": f"Basic {login.basic}", "Content-Length": "0"}
            async with self.service.download(url, headers, method="POST") as response:
                self.is_possible = response.status == 201
        except CallError:
            self.is_possible = False
        return self.is_possible

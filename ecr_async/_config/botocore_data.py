"""botocore's data files, read once a process and without holding up the event loop.

A botocore session reads over a megabyte of JSON before it makes its first call. It does so in a thread
of ours, but the standard library's parser keeps every other thread waiting for as long as it parses, and
the garbage collector does so again, the longer the more objects there are. So all sessions that we make
share one loader; it parses with msgspec, and of the endpoints of all services, which are most of those
objects, it makes ECR's and those of the services that give credentials.
"""

import functools
import os
from importlib import import_module
from typing import Any

from msgspec import Raw, json

__all__ = ["data_loader"]

_KEPT = ("api.ecr", "oidc", "portal.sso", "signin", "sts")
"""ECR and the services that credentials come from, by the names that endpoints.json has for them."""


@functools.cache
def data_loader(data_path: str | None = None) -> Any:
    """Return botocore's loader for its own data and that in `data_path`, its setting of that name."""
    loader = import_module("botocore.loaders").create_loader(data_path)
    loader.file_loader = _Files()
    return loader


class _Files:
    """The interface that botocore expects of a loader's `file_loader`. Paths come without their extension."""

    _EXTENSIONS = (".json", ".json.gz")

    def exists(self, file_path: str) -> bool:
        return any(os.path.isfile(file_path + extension) for extension in self._EXTENSIONS)

    def load_file(self, file_path: str) -> Any:
        for extension in self._EXTENSIONS:
            if os.path.isfile(file_path + extension):
                with open(file_path + extension, "rb") as file:
                    content = file.read()
                if extension.endswith(".gz"):
                    import gzip  # noqa: PLC0415 - a first call without botocore's data does without it

                    content = gzip.decompress(content)
                is_endpoints = os.path.basename(file_path) == "endpoints"
                return _kept_endpoints(content) if is_endpoints else json.decode(content)
        return None


def _kept_endpoints(content: bytes) -> Any:
    """endpoints.json without the services of no use here; botocore finds theirs by default rules."""
    endpoints = _raw_members(content)
    partitions = [
        {
            name: _kept(member) if name == "services" else json.decode(member)
            for name, member in partition.items()
        }
        for partition in json.decode(endpoints.pop("partitions"), type=list[dict[str, Raw]])
    ]
    return {**{name: json.decode(member) for name, member in endpoints.items()}, "partitions": partitions}


def _kept(services: Raw) -> dict[str, Any]:
    return {name: json.decode(value) for name, value in _raw_members(services).items() if name in _KEPT}


def _raw_members(value: bytes | Raw) -> dict[str, Raw]:
    """Return the members of a JSON object as they are written: making objects of those not needed is slow."""
    return json.decode(value, type=dict[str, Raw])

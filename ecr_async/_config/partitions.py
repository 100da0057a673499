"""AWS's partitions and ECR's regions in them, as the installed botocore knows them."""

from __future__ import annotations

import functools
from importlib import import_module
from typing import Any

from ecr_async._config.botocore_data import data_loader
from ecr_async.errors import ConfigurationError

__all__ = ["home_region", "partition_of", "regions_of"]


def partition_of(region: str) -> str:
    """Return the partition that a region belongs to: `aws`, `aws-cn`, `aws-us-gov`, ….

    Reads files the first time, as the others here do: keep it off the event loop.
    """
    name: str = _endpoints().get_partition_for_region(region)
    return name


def regions_of(partition: str) -> tuple[str, ...]:
    """Return the regions of a partition that have ECR.

    Raises `ConfigurationError` for a partition that botocore doesn't know.
    """
    if partition not in _endpoints().get_available_partitions():
        raise ConfigurationError(f"the installed botocore knows no partition {partition!r}")
    return tuple(sorted(_endpoints().get_available_endpoints("api.ecr", partition_name=partition)))


def home_region(partition: str) -> str:
    """Return the region whose STS to call where no region was configured.

    Raises `ConfigurationError` for a partition that botocore doesn't know.
    """
    for known in data_loader().load_data("partitions")["partitions"]:
        if known["id"] == partition:
            # An older botocore doesn't say; us-east-1 is the one that every account of `aws` has enabled.
            home: str | None = known["outputs"].get("implicitGlobalRegion")
            regions = [name for name in known["regions"] if not name.endswith("-global")]
            return home or ("us-east-1" if "us-east-1" in regions else regions[0])
    raise ConfigurationError(f"the installed botocore knows no partition {partition!r}")


@functools.cache
def _endpoints() -> Any:
    return import_module("botocore.regions").EndpointResolver(data_loader().load_data("endpoints"))

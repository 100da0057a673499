"""AWS's partitions: which one a region is in, and the domain of its names.

https://github.com/boto/botocore/blob/develop/botocore/data/partitions.json
"""

import attrs

__all__ = ["Partition", "partition_of"]


@attrs.frozen
class Partition:
    """A set of regions that AWS runs apart from the others."""

    name: str
    """The second part of every ARN in it."""
    domain: str
    """What its services' host names end with."""


AWS = Partition("aws", "amazonaws.com")

BY_PREFIX = {
    "cn-": Partition("aws-cn", "amazonaws.com.cn"),
    "us-gov-": Partition("aws-us-gov", "amazonaws.com"),
    "eusc-": Partition("aws-eusc", "amazonaws.eu"),
    "us-iso-": Partition("aws-iso", "c2s.ic.gov"),
    "us-isob-": Partition("aws-iso-b", "sc2s.sgov.gov"),
    "eu-isoe-": Partition("aws-iso-e", "cloud.adc-e.uk"),
    "us-isof-": Partition("aws-iso-f", "csp.hci.ic.gov"),
}
"""The partitions other than the first by how their regions' names begin."""


def partition_of(region: str) -> Partition:
    """Return the partition of a region; an unknown region is taken to be in the first one."""
    return next((found for prefix, found in BY_PREFIX.items() if region.startswith(prefix)), AWS)

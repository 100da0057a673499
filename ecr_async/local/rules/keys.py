"""Keys of KMS: the ARN that ECR gives back, however a key was named."""

import re
import uuid

from ecr_async.local.partitions import partition_of
from ecr_async.local.rules import registry_messages
from ecr_async.local.rules.registry import Registry

__all__ = ["key_arn"]

KEY = re.compile(
    r"arn:(?P<partition>aws[a-z-]*):kms:(?P<region>[a-z0-9-]+):(?P<account>\d{12}):(?P<name>(?:key|alias)/.+)"
)
UUID = re.compile(r"(?:mrk-[0-9a-f]{32}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})")


def key_arn(registry: Registry, named: str | None) -> str:
    """Return the ARN of a key: by its ARN, its id or an alias; without a name, that of the key that AWS
    keeps.

    There is no KMS here, so an alias stands for a key whose id follows from the alias. Raises `KmsException`
    for a key of another region.
    """
    name = named or "alias/aws/ecr"
    account, region = registry.account, registry.region
    found = KEY.fullmatch(name)
    if found is not None:
        if found["region"] != region:
            raise registry_messages.key_of_another_region(name, region)
        name, account = found["name"], found["account"]
    key_id = name.removeprefix("key/")
    if not UUID.fullmatch(key_id):
        key_id = str(uuid.uuid5(uuid.NAMESPACE_URL, f"kms:{region}:{account}:{name}"))
    return f"arn:{partition_of(region).name}:kms:{region}:{account}:key/{key_id}"

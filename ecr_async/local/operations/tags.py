"""The tags of resources, which are not those of images.

The limits: https://docs.aws.amazon.com/AmazonECR/latest/userguide/ecr-using-tags.html
"""

import re
from collections.abc import Sequence

from ecr_async.api.tags import (
    ListTagsForResourceRequest,
    ListTagsForResourceResponse,
    Tag,
    TagResourceRequest,
    TagResourceResponse,
    UntagResourceRequest,
    UntagResourceResponse,
)
from ecr_async.local.rules import messages, quotas, registry_messages
from ecr_async.local.rules.registry import Registry, RepositoryRecord

__all__ = ["check_tags", "put_tags"]

KEY = re.compile(r"[\w\s.:/=+@-]{1,128}")
VALUE = re.compile(r"[\w\s.:/=+@-]{0,256}")
ARN = re.compile(r"arn:aws[a-z-]*:ecr:([a-z0-9-]+):(\d{12}):repository/(.+)")


def tag_resource(registry: Registry, request: TagResourceRequest) -> TagResourceResponse:
    """Give a repository tags, or those that it has other values."""
    record = _repository(registry, request.resource_arn)
    check_tags(request.tags)
    keys = {
        key
        for (key,) in registry.db.execute(
            "SELECT key FROM resource_tags WHERE repository_id = ?", (record.id,)
        )
    }
    _check_number(len(keys | {tag.key for tag in request.tags}))
    put_tags(registry, record, request.tags)
    return TagResourceResponse()


def untag_resource(registry: Registry, request: UntagResourceRequest) -> UntagResourceResponse:
    """Take tags away; those that aren't there are no matter."""
    record = _repository(registry, request.resource_arn)
    registry.db.executemany(
        "DELETE FROM resource_tags WHERE repository_id = ? AND key = ?",
        [(record.id, key) for key in request.tag_keys],
    )
    return UntagResourceResponse()


def list_tags_for_resource(
    registry: Registry, request: ListTagsForResourceRequest
) -> ListTagsForResourceResponse:
    """List a repository's tags."""
    record = _repository(registry, request.resource_arn)
    rows = registry.db.execute(
        "SELECT key, value FROM resource_tags WHERE repository_id = ? ORDER BY key", (record.id,)
    )
    return ListTagsForResourceResponse(tuple(Tag(*row) for row in rows))


def check_tags(tags: Sequence[Tag]) -> None:
    """Reject tags that AWS would reject, whatever they are for."""
    _check_number(len(tags))
    for tag in tags:
        if not KEY.fullmatch(tag.key) or tag.key.lower().startswith("aws:"):
            raise registry_messages.bad_tag_key(tag.key)
        if not VALUE.fullmatch(tag.value):
            raise registry_messages.bad_tag_value(tag.key)
    if len({tag.key for tag in tags}) < len(tags):
        raise registry_messages.repeated_tag_key()


def put_tags(registry: Registry, record: RepositoryRecord, tags: Sequence[Tag]) -> None:
    """Keep tags that have been checked."""
    registry.db.executemany(
        "INSERT OR REPLACE INTO resource_tags VALUES (?, ?, ?)",
        [(record.id, tag.key, tag.value) for tag in tags],
    )


def _check_number(number: int) -> None:
    if number > quotas.MAX_RESOURCE_TAGS:
        raise registry_messages.too_many_resource_tags(quotas.MAX_RESOURCE_TAGS, number)


def _repository(registry: Registry, arn: str) -> RepositoryRecord:
    found = ARN.fullmatch(arn)
    if found is None or found[1] != registry.region:
        raise messages.not_an_arn()
    return registry.repository(found[3], found[2])

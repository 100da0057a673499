"""Repositories: create, describe and delete them, and say which tags may move."""

import json
from functools import partial
from typing import Any

from ecr_async.api.repositories import (
    CreateRepositoryRequest,
    CreateRepositoryResponse,
    DeleteRepositoryRequest,
    DeleteRepositoryResponse,
    DescribeRepositoriesRequest,
    DescribeRepositoriesResponse,
    EncryptionConfiguration,
    ImageScanningConfiguration,
    ImageTagMutabilityExclusionFilter,
    PutImageTagMutabilityRequest,
    PutImageTagMutabilityResponse,
    Repository,
)
from ecr_async.local.operations.tags import check_tags, put_tags
from ecr_async.local.rules import messages, quotas
from ecr_async.local.rules.keys import key_arn
from ecr_async.local.rules.registry import Registry, RepositoryRecord, moment
from ecr_async.local.state.sweeping import remove_layers

__all__: list[str] = [
    "create_repository",
]


def create_repository(registry: Registry, request: CreateRepositoryRequest) -> CreateRepositoryResponse:
    """Make a repository under a name that is free."""
    registry.check_own(request.registry_id)
    check_tags(request.tags or ())
    mutability = request.image_tag_mutability or "MUTABLE"
    exclusions = _exclusions(mutability, request.image_tag_mutability_exclusion_filters)
    encryption, kms_key = _encryption(registry, request.encryption_configuration)
    scanning = request.image_scanning_configuration
    row = registry.db.execute(
        "SELECT repositories FROM registries WHERE account = ? AND region = ?",
        (registry.account, registry.region),
    ).fetchone()
    if row is not None and row[0] >= quotas.MAX_REPOSITORIES:
        raise messages.too_many_repositories(quotas.MAX_REPOSITORIES)
    columns = {
        "account": registry.account,
        "region": registry.region,
        "name": request.repository_name,
        "created_at": registry.now,
        "mutability": mutability,
        "exclusions": exclusions,
        "scan_on_push": bool(scanning and scanning.scan_on_push),
        "encryption": encryption,
        "kms_key": kms_key,
    }
    inserted = registry.db.execute(
        f"INSERT OR IGNORE INTO repositories ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})",  # noqa: S608
        tuple(columns.values()),
    )
    if not inserted.rowcount:
        raise messages.repository_exists(request.repository_name, registry.account)
    record = registry.repository(request.repository_name)
    put_tags(registry, record, request.tags or ())
    return CreateRepositoryResponse(_described(registry, record))


def describe_repositories(
    registry: Registry, request: DescribeRepositoriesRequest
) -> DescribeRepositoriesResponse:
    """Describe the repositories named, or all of them, the oldest first."""
    if request.repository_names:
        names = dict.fromkeys(request.repository_names)
        named = [registry.repository(name, request.registry_id) for name in names]
        return DescribeRepositoriesResponse(tuple(_described(registry, record) for record in named))
    registry.check_own(request.registry_id)

    def fetch(after: Any, limit: int) -> list[RepositoryRecord]:
        rows = registry.db.execute(
            "SELECT * FROM repositories WHERE account = ? AND region = ? AND id > ? ORDER BY id LIMIT ?",
            (registry.account, registry.region, after or 0, limit),
        )
        return [RepositoryRecord(*row) for row in rows]

    records, next_token = registry.page(request, fetch, lambda record: record.id)
    return DescribeRepositoriesResponse(tuple(_described(registry, record) for record in records), next_token)


def delete_repository(registry: Registry, request: DeleteRepositoryRequest) -> DeleteRepositoryResponse:
    """Delete a repository and all that it holds; with images in it only by force."""
    record = registry.repository(request.repository_name, request.registry_id)
    images = registry.db.execute(
        "SELECT 1 FROM images WHERE repository_id = ? LIMIT 1", (record.id,)
    ).fetchone()
    if images and not request.force:
        raise messages.repository_not_empty(record)
    uploads = registry.db.execute("SELECT id FROM uploads WHERE repository_id = ?", (record.id,)).fetchall()
    layers = registry.db.execute("SELECT digest FROM layers WHERE repository_id = ?", (record.id,)).fetchall()
    registry.db.execute("DELETE FROM repositories WHERE id = ?", (record.id,))
    for (upload_id,) in uploads:
        registry.transaction.after_commit(partial(registry.blobs.discard, upload_id))
    registry.transaction.after_commit(
        lambda: remove_layers(registry.transaction, registry.blobs, [digest for (digest,) in layers])
    )
    return DeleteRepositoryResponse(_described(registry, record))


def put_image_tag_mutability(
    registry: Registry, request: PutImageTagMutabilityRequest
) -> PutImageTagMutabilityResponse:
    """Say from now on which tags may move."""
    record = registry.repository(request.repository_name, request.registry_id)
    filters = request.image_tag_mutability_exclusion_filters
    exclusions = _exclusions(request.image_tag_mutability, filters)
    registry.db.execute(
        "UPDATE repositories SET mutability = ?, exclusions = ? WHERE id = ?",
        (request.image_tag_mutability, exclusions, record.id),
    )
    return PutImageTagMutabilityResponse(
        record.account, record.name, request.image_tag_mutability, tuple(filters or ())
    )


def _described(registry: Registry, record: RepositoryRecord) -> Repository:
    return Repository(
        repository_arn=record.arn,
        registry_id=record.account,
        repository_name=record.name,
        repository_uri=registry.uri(record),
        created_at=moment(record.created_at),
        image_tag_mutability=record.mutability,
        image_tag_mutability_exclusion_filters=tuple(
            ImageTagMutabilityExclusionFilter("WILDCARD", pattern) for pattern in record.exclusions
        ),
        image_scanning_configuration=ImageScanningConfiguration(record.scan_on_push),
        encryption_configuration=EncryptionConfiguration(record.encryption, record.kms_key),
    )


def _exclusions(mutability: str, filters: Any) -> str:
    """Return the patterns of the tags that are excepted, as the store holds them."""
    if bool(filters) != mutability.endswith("_WITH_EXCLUSION"):
        raise messages.exclusion_filters(mutability, given=bool(filters))
    return json.dumps([one.filter for one in filters or ()])


def _encryption(registry: Registry, given: EncryptionConfiguration | None) -> tuple[str, str | None]:
    """Return the type of encryption and the key that it uses."""
    if given is None or given.encryption_type == "AES256":
        if given is not None and given.kms_key:
            raise messages.key_without_kms()
        return "AES256", None
    return given.encryption_type, key_arn(registry, given.kms_key)

"""Replication between the registries of this server: by rule as images are pushed, or by a backfill later.

A copy is made in the transaction of the push, so it is there at once; its status is found in progress as
often as `Rules.replication_polls` says, and then complete. What is copied is not replicated any further.

https://docs.aws.amazon.com/AmazonECR/latest/userguide/replication.html
"""

import uuid
from collections.abc import Iterator
from typing import Any

import attrs

from ecr_async.api.common import ImageIdentifier
from ecr_async.api.manifests import ImageAlreadyExistsException
from ecr_async.api.registry import GetRegistryPolicyResponse
from ecr_async.api.replication import (
    DescribeImageReplicationStatusRequest,
    DescribeImageReplicationStatusResponse,
    DescribeReplicationBackfillResultsRequest,
    DescribeReplicationBackfillResultsResponse,
    ImageReplicationStatus,
    ListReplicationBackfillsRequest,
    ListReplicationBackfillsResponse,
    PutReplicationConfigurationRequest,
    PutReplicationConfigurationResponse,
    ReplicationBackfillProgress,
    ReplicationBackfillResult,
    ReplicationBackfillSummary,
    ReplicationConfiguration,
    ReplicationDestination,
    StartReplicationBackfillRequest,
    StartReplicationBackfillResponse,
    StopReplicationBackfillRequest,
    StopReplicationBackfillResponse,
)
from ecr_async.errors import ServiceError
from ecr_async.local.addresses import RegistryKey
from ecr_async.local.operations.provisioning import find_template, provision
from ecr_async.local.rules import events, messages, registry_messages
from ecr_async.local.rules.images import ImageRecord, details, the_image
from ecr_async.local.rules.manifests import Manifest
from ecr_async.local.rules.policy_documents import permits
from ecr_async.local.rules.pushing import push
from ecr_async.local.rules.registry import Registry, RepositoryRecord, moment

__all__ = ["CONFIGURATION", "POLICY", "push_and_replicate"]

CONFIGURATION = "replication"
POLICY = "policy"
BACKFILL = "replication backfill"
FINAL = ("COMPLETE", "FAILED", "STOPPED")
AFTER_A_POLL = {"PREPARING": "IN_PROGRESS", "IN_PROGRESS": "COMPLETE"}


def put_replication_configuration(
    registry: Registry, request: PutReplicationConfigurationRequest
) -> PutReplicationConfigurationResponse:
    """Put rules in place of those that are there; they are for what is pushed from now on."""
    for rule in request.replication_configuration.rules:
        here = registry.region, registry.account
        if any((each.region, each.registry_id) == here for each in rule.destinations):
            raise messages.replicates_to_itself()
    registry.keep(CONFIGURATION, request.replication_configuration)
    return PutReplicationConfigurationResponse(request.replication_configuration)


def push_and_replicate(
    registry: Registry,
    record: RepositoryRecord,
    text: str,
    media_type: str | None,
    *,
    tag: str | None = None,
    digest: str | None = None,
) -> Manifest:
    """Push an image, by whichever door, and copy it to where the registry's rules say. See `pushing.push`."""
    manifest = push(registry, record, text, media_type, tag=tag, digest=digest)
    home = registry.elsewhere(record.account, record.region)
    destinations = set(_destinations(home, record.name))
    if destinations:
        [image] = details(home, record, "AND digest = ?", (manifest.digest,))
        for destination in destinations:
            failure = _copy(home, record, image, tag, destination)
            home.db.execute(
                "INSERT OR REPLACE INTO replications VALUES (?, ?, ?, ?, ?)",
                (
                    image.id,
                    destination.region,
                    destination.registry_id,
                    failure,
                    home.rules.replication_polls,
                ),
            )
    return manifest


def describe_image_replication_status(
    registry: Registry, request: DescribeImageReplicationStatusRequest
) -> DescribeImageReplicationStatusResponse:
    """Report the status of an image's copies."""
    record = registry.repository(request.repository_name, request.registry_id)
    image = the_image(registry, record, request.image_id)
    rows = registry.db.execute(
        "SELECT region, account, failure, polls_left FROM replications WHERE image_id = ?", (image.id,)
    ).fetchall()
    if any(polls_left for *_, polls_left in rows):
        registry.require_write()
        registry.db.execute(
            "UPDATE replications SET polls_left = polls_left - 1 WHERE image_id = ? AND polls_left > 0",
            (image.id,),
        )
    statuses = tuple(
        ImageReplicationStatus(
            region,
            account,
            "IN_PROGRESS" if polls_left else "FAILED" if failure else "COMPLETE",
            None if polls_left else failure,
        )
        for region, account, failure, polls_left in rows
    )
    return DescribeImageReplicationStatusResponse(
        record.name, ImageIdentifier(image.digest, request.image_id.image_tag), statuses
    )


# ---------------------------------------------------------------------------- backfills


def start_replication_backfill(
    registry: Registry, request: StartReplicationBackfillRequest
) -> StartReplicationBackfillResponse:
    """Copy what is in the registry to one of its rules' destinations."""
    registry.check_own(request.registry_id)
    destination = request.destination
    known = registry.settings(BACKFILL, DescribeReplicationBackfillResultsResponse).values()
    if any(each.destination == destination and each.status not in FINAL for each in known):
        raise registry_messages.backfill_in_progress()
    records = [
        record for record in _repositories(registry) if destination in _destinations(registry, record.name)
    ]
    if not records and destination not in _destinations(registry, None):
        raise registry_messages.no_destination()
    results = tuple(
        ReplicationBackfillResult(
            record.name, ImageIdentifier(image.digest, tag), "FAILED" if failure else "COMPLETE", failure
        )
        for record in records
        for image in details(registry, record)
        for tag in image.tags or (None,)
        for failure in (_copy(registry, record, image, tag, destination),)
    )
    failures = [result.failure_code for result in results if result.failure_code]
    backfill = DescribeReplicationBackfillResultsResponse(
        registry_id=registry.account,
        replication_backfill_id=str(uuid.uuid4()),
        destination=destination,
        status="PREPARING",
        progress=ReplicationBackfillProgress(
            len(results), len(results) - len(failures), len(failures), tuple(dict.fromkeys(failures))
        ),
        results=results,
        started_at=moment(registry.now),
    )
    registry.keep(BACKFILL, backfill, backfill.replication_backfill_id or "")
    return StartReplicationBackfillResponse(
        backfill.replication_backfill_id, registry.account, destination, backfill.status, backfill.started_at
    )


def stop_replication_backfill(
    registry: Registry, request: StopReplicationBackfillRequest
) -> StopReplicationBackfillResponse:
    """End a backfill before it is found complete. The copies that it has made stay."""
    backfill = _backfill(registry, request.replication_backfill_id, request.registry_id)
    if backfill.status in FINAL:
        raise registry_messages.backfill_ended(backfill.status)
    _keep(registry, backfill, "STOPPED")
    return StopReplicationBackfillResponse(
        registry.account, backfill.replication_backfill_id, backfill.destination, "STOPPING"
    )


def describe_replication_backfill_results(
    registry: Registry, request: DescribeReplicationBackfillResultsRequest
) -> DescribeReplicationBackfillResultsResponse:
    """Report a backfill's status and, once it has ended, what became of each image."""
    backfill = _backfill(registry, request.replication_backfill_id, request.registry_id)
    if backfill.status not in FINAL:
        registry.require_write()
        _keep(registry, backfill, AFTER_A_POLL[str(backfill.status)])
        progress = None if backfill.status == "PREPARING" else backfill.progress
        return attrs.evolve(backfill, results=(), progress=progress)
    wanted = request.result_status_filter
    results = [each for each in backfill.results if wanted in (None, each.status)]

    def fetch(after: Any, limit: int) -> list[tuple[int, ReplicationBackfillResult]]:
        return list(enumerate(results, start=1))[after or 0 :][:limit]

    page, next_token = registry.page(request, fetch, lambda item: item[0])
    return attrs.evolve(backfill, results=tuple(result for _, result in page), next_token=next_token)


def list_replication_backfills(
    registry: Registry, request: ListReplicationBackfillsRequest
) -> ListReplicationBackfillsResponse:
    """List the registry's backfills."""
    registry.check_own(request.registry_id)
    page, next_token = registry.page_of_settings(
        request, BACKFILL, DescribeReplicationBackfillResultsResponse
    )
    summaries = tuple(
        ReplicationBackfillSummary(
            replication_backfill_id=backfill.replication_backfill_id or "",
            destination=backfill.destination,
            status=backfill.status or "",
            started_at=backfill.started_at,
            progress=None if backfill.status == "PREPARING" else backfill.progress,
            ended_at=backfill.ended_at,
        )
        for backfill in page
        if backfill.destination is not None and backfill.started_at is not None
    )
    return ListReplicationBackfillsResponse(registry.account, summaries, next_token)


def _backfill(
    registry: Registry, backfill_id: str, registry_id: str | None
) -> DescribeReplicationBackfillResultsResponse:
    registry.check_own(registry_id)
    backfill = registry.setting(BACKFILL, DescribeReplicationBackfillResultsResponse, backfill_id)
    if backfill is None:
        raise registry_messages.no_backfill(backfill_id)
    return backfill


def _keep(registry: Registry, backfill: DescribeReplicationBackfillResultsResponse, status: str) -> None:
    ended_at = moment(registry.now) if status in FINAL else None
    registry.keep(
        BACKFILL,
        attrs.evolve(backfill, status=status, ended_at=ended_at),
        backfill.replication_backfill_id or "",
    )


# ---------------------------------------------------------------------------- copies


def _destinations(registry: Registry, name: str | None) -> Iterator[ReplicationDestination]:
    """Yield where a repository is replicated to; without a name, where any may be."""
    configuration = registry.setting(CONFIGURATION, ReplicationConfiguration)
    for rule in configuration.rules if configuration else ():
        filters = rule.repository_filters
        if name is None or not filters or any(name.startswith(each.filter) for each in filters):
            yield from rule.destinations


def _repositories(registry: Registry) -> list[RepositoryRecord]:
    rows = registry.db.execute(
        "SELECT * FROM repositories WHERE account = ? AND region = ? ORDER BY id",
        (registry.account, registry.region),
    )
    return [RepositoryRecord(*row) for row in rows.fetchall()]


def _copy(
    home: Registry,
    record: RepositoryRecord,
    image: ImageRecord,
    tag: str | None,
    destination: ReplicationDestination,
) -> str | None:
    """Copy an image to another registry; return why that failed, if it did."""
    there = home.elsewhere(destination.registry_id, destination.region)
    if there.account != home.account:
        policy = there.setting(POLICY, GetRegistryPolicyResponse)
        text = None if policy is None else policy.policy_text
        if not permits(text, home.account, "ecr:ReplicateImage"):
            return "AccessDenied"
    try:
        target = _target(there, record.name)
        _copy_manifest(home, record, image, tag, there, target)
    except ServiceError as error:
        return error.code.removesuffix("Exception")
    return None


def _target(there: Registry, name: str) -> RepositoryRecord:
    try:
        return there.repository(name)
    except ServiceError:
        return provision(there, name, find_template(there, name, "REPLICATION"))


def _copy_manifest(
    home: Registry,
    record: RepositoryRecord,
    image: ImageRecord,
    tag: str | None,
    there: Registry,
    target: RepositoryRecord,
) -> None:
    db = home.db
    members = db.execute("SELECT digest FROM image_members WHERE image_id = ?", (image.id,)).fetchall()
    for (member,) in members:
        [child] = details(home, record, "AND digest = ?", (member,))
        _copy_manifest(home, record, child, None, there, target)
    db.execute(
        "INSERT OR IGNORE INTO layers SELECT ?, layers.digest, layers.size, ? FROM image_layers JOIN layers ON "
        "layers.repository_id = image_layers.repository_id AND layers.digest = image_layers.digest WHERE image_id = ?",
        (target.id, home.now, image.id),
    )
    ((text,),) = db.execute("SELECT manifest FROM images WHERE id = ?", (image.id,)).fetchall()
    try:
        push(there, target, text, image.media_type, tag=tag, digest=image.digest)
    except ImageAlreadyExistsException:
        return  # as it should be
    events.image_replicated(there, target, image, tag, RegistryKey(record.account, record.region))

"""Lifecycle policies, and previews of what they would do."""

import json
from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import attrs
import msgspec

from ecr_async.api.common import ImageIdentifier
from ecr_async.api.images import ImageDetail
from ecr_async.api.lifecycle import (
    DeleteLifecyclePolicyRequest,
    DeleteLifecyclePolicyResponse,
    GetLifecyclePolicyPreviewRequest,
    GetLifecyclePolicyPreviewResponse,
    GetLifecyclePolicyRequest,
    GetLifecyclePolicyResponse,
    LifecyclePolicyPreviewResult,
    LifecyclePolicyPreviewSummary,
    LifecyclePolicyRuleAction,
    PutLifecyclePolicyRequest,
    PutLifecyclePolicyResponse,
    StartLifecyclePolicyPreviewRequest,
    StartLifecyclePolicyPreviewResponse,
    TransitioningImageTotalCount,
)
from ecr_async.lifecycle import Evaluation, LifecyclePolicy, LifecyclePolicyError, evaluate
from ecr_async.local.json_values import compacted
from ecr_async.local.rules import events, messages
from ecr_async.local.rules.cloudtrail import LifecycleAction
from ecr_async.local.rules.images import archive_image, delete_image, detail, details
from ecr_async.local.rules.registry import Registry, RepositoryRecord, moment, strings
from ecr_async.local.wire import dump, load

__all__ = ["put_lifecycle_policy", "repositories_with_policies", "run_policy"]

PREVIEW_PAGE = 100

RESULTS_BY_TAG_STATUS = {
    "ANY": "preview_results WHERE true",
    "TAGGED": "preview_results INDEXED BY preview_results_tagged WHERE tags <> '[]'",
    "UNTAGGED": "preview_results INDEXED BY preview_results_untagged WHERE tags = '[]'",
}
"""Where the results are that a filter lets pass. SQLite would look through all of them by itself."""

_COLUMNS = ", ".join(f"json_extract(value, '$[{column}]')" for column in range(8))
INSERT_RESULTS = f"INSERT INTO preview_results SELECT ?, {_COLUMNS} FROM json_each(?)"  # noqa: S608
"""All rows in one statement: between two, the event loop would have to give the interpreter lock away."""


@attrs.frozen
class Outcome:
    """What a policy would do, ready to be kept."""

    record: RepositoryRecord
    policy: str
    summary: str
    rows: str
    """Of the table, as JSON."""


def put_lifecycle_policy(
    registry: Registry, request: PutLifecyclePolicyRequest
) -> PutLifecyclePolicyResponse:
    """Put a policy in place of the one that is there."""
    record = registry.repository(request.repository_name, request.registry_id)
    _parse(request.lifecycle_policy_text)
    policy = compacted(request.lifecycle_policy_text)
    _set(registry, record, policy)
    return PutLifecyclePolicyResponse(record.account, record.name, policy)


def get_lifecycle_policy(
    registry: Registry, request: GetLifecyclePolicyRequest
) -> GetLifecyclePolicyResponse:
    """Read a repository's policy."""
    record = registry.repository(request.repository_name, request.registry_id)
    return GetLifecyclePolicyResponse(record.account, record.name, _policy(record), _evaluated_at(record))


def delete_lifecycle_policy(
    registry: Registry, request: DeleteLifecyclePolicyRequest
) -> DeleteLifecyclePolicyResponse:
    """Delete a repository's policy."""
    record = registry.repository(request.repository_name, request.registry_id)
    policy = _policy(record)
    _set(registry, record, None)
    return DeleteLifecyclePolicyResponse(record.account, record.name, policy, _evaluated_at(record))


def evaluate_policy(registry: Registry, request: StartLifecyclePolicyPreviewRequest) -> Outcome:
    """Evaluate a policy against the images as they are now."""
    record = registry.repository(request.repository_name, request.registry_id)
    text = request.lifecycle_policy_text or _policy(record)
    policy = _parse(text)
    _check_none_in_progress(registry, record)
    evaluation = _evaluate(registry, record, policy)
    rows = [
        (
            position,
            result.image_digest,
            json.dumps(result.image_tags),
            result.image_pushed_at.timestamp() if result.image_pushed_at else registry.now,
            result.action.type.upper(),
            result.action.target_storage_class and result.action.target_storage_class.upper(),
            result.applied_rule_priority,
            result.storage_class.upper(),
        )
        for position, result in enumerate(evaluation.results)
    ]
    return Outcome(record, text, dump(_summary(evaluation)), msgspec.json.encode(rows).decode())


def start_lifecycle_policy_preview(
    registry: Registry, request: StartLifecyclePolicyPreviewRequest, outcome: Outcome
) -> StartLifecyclePolicyPreviewResponse:
    """Store what a policy would do, for later polls of the preview."""
    record = registry.repository(request.repository_name, request.registry_id)
    _check_none_in_progress(registry, record)
    if record.id != outcome.record.id:  # it was deleted and created again meanwhile
        outcome = evaluate_policy(registry, request)
    registry.db.execute("DELETE FROM previews WHERE repository_id = ?", (record.id,))
    registry.db.execute(
        "INSERT INTO previews VALUES (?, ?, ?, ?)",
        (record.id, outcome.policy, registry.rules.preview_polls, outcome.summary),
    )
    registry.db.execute(INSERT_RESULTS, (record.id, outcome.rows))
    return StartLifecyclePolicyPreviewResponse(record.account, record.name, outcome.policy, "IN_PROGRESS")


def get_lifecycle_policy_preview(
    registry: Registry, request: GetLifecyclePolicyPreviewRequest
) -> GetLifecyclePolicyPreviewResponse:
    """Report a preview's status and, once it is complete, what it found."""
    record = registry.repository(request.repository_name, request.registry_id)
    preview = _preview(registry, record)
    if preview is None:
        raise messages.no_preview(record)
    if preview.polls_left > 0:
        registry.require_write()
        registry.db.execute(
            "UPDATE previews SET polls_left = polls_left - 1 WHERE repository_id = ?", (record.id,)
        )
        return GetLifecyclePolicyPreviewResponse(record.account, record.name, preview.policy, "IN_PROGRESS")
    next_token = None
    if request.image_ids:
        found = _named(registry, record, request.image_ids)
    else:
        source = RESULTS_BY_TAG_STATUS[(request.filter and request.filter.tag_status) or "ANY"]

        def fetch(after: Any, limit: int) -> list[_Result]:
            wanted = f"{source} AND repository_id = ? AND position > ? ORDER BY position LIMIT ?"
            return _results(registry, wanted, record.id, -1 if after is None else after, limit)

        page, next_token = registry.page(request, fetch, lambda row: row.position, PREVIEW_PAGE)
        found = list(page)
    return GetLifecyclePolicyPreviewResponse(
        registry_id=record.account,
        repository_name=record.name,
        lifecycle_policy_text=preview.policy,
        status="COMPLETE",
        next_token=next_token,
        preview_results=tuple(row.described() for row in found),
        summary=load(LifecyclePolicyPreviewSummary, preview.summary),
    )


def run_policy(registry: Registry, record: RepositoryRecord) -> int:
    """Do what a repository's policy says; return how many images were expired or archived."""
    policy = _parse(_policy(record))
    evaluation = _evaluate(registry, record, policy)
    images = {image.digest: image for image in details(registry, record)}
    for result in evaluation.results:
        image = images[result.image_digest or ""]
        if result.action.type == "expire":
            delete_image(registry, image)
            for tag in image.tags or (None,):
                events.image_deleted(registry, record, image, tag)
        else:
            archive_image(registry, record, image)
    actions = [
        LifecycleAction(image.digest, image.tags, image.pushed_at, result.applied_rule_priority)
        for result in evaluation.results
        for image in (images[result.image_digest or ""],)
    ]
    last = record.lifecycle_evaluated_at or None
    events.lifecycle_policy_run(registry, record, policy, actions, last_evaluated_at=last)
    registry.db.execute(
        "UPDATE repositories SET lifecycle_evaluated_at = ? WHERE id = ?", (registry.now, record.id)
    )
    return len(evaluation.results)


def repositories_with_policies(registry: Registry) -> list[RepositoryRecord]:
    """Return every account's and region's repositories that have a lifecycle policy."""
    rows = registry.db.execute("SELECT * FROM repositories WHERE lifecycle_policy IS NOT NULL ORDER BY id")
    return [RepositoryRecord(*row) for row in rows.fetchall()]


def _evaluated_at(record: RepositoryRecord) -> datetime:
    return moment(record.lifecycle_evaluated_at or 0)  # 1970 is what ECR says of a policy that has not run


@attrs.frozen
class _Preview:
    policy: str
    polls_left: int
    summary: str


@attrs.frozen
class _Result:
    """What a preview found out about one image, as the store holds it."""

    position: int
    digest: str
    tags: tuple[str, ...] = attrs.field(converter=strings)
    pushed_at: float
    action: str
    target: str | None
    priority: int
    storage_class: str

    def is_named_by(self, image_id: ImageIdentifier) -> bool:
        return image_id.image_digest in (None, self.digest) and image_id.image_tag in (None, *self.tags)

    def described(self) -> LifecyclePolicyPreviewResult:
        return LifecyclePolicyPreviewResult(
            image_tags=self.tags,
            image_digest=self.digest,
            image_pushed_at=moment(self.pushed_at),
            action=LifecyclePolicyRuleAction(self.action, self.target),
            applied_rule_priority=self.priority,
            storage_class=self.storage_class,
        )


def _parse(text: str) -> LifecyclePolicy:
    try:
        return LifecyclePolicy.from_json(text)
    except LifecyclePolicyError as error:
        raise messages.bad_lifecycle_policy(str(error)) from None


def _set(registry: Registry, record: RepositoryRecord, policy: str | None) -> None:
    registry.db.execute("UPDATE repositories SET lifecycle_policy = ? WHERE id = ?", (policy, record.id))


def _policy(record: RepositoryRecord) -> str:
    if record.lifecycle_policy is None:
        raise messages.no_lifecycle_policy(record)
    return record.lifecycle_policy


def _preview(registry: Registry, record: RepositoryRecord) -> _Preview | None:
    row = registry.db.execute(
        "SELECT policy, polls_left, summary FROM previews WHERE repository_id = ?", (record.id,)
    ).fetchone()
    return None if row is None else _Preview(*row)


def _check_none_in_progress(registry: Registry, record: RepositoryRecord) -> None:
    preview = _preview(registry, record)
    if preview is not None and preview.polls_left > 0:
        raise messages.preview_in_progress(record)


def _evaluate(
    registry: Registry, record: RepositoryRecord, policy: LifecyclePolicy
) -> Evaluation[ImageDetail]:
    ((members,),) = registry.db.execute(
        "SELECT group_concat(images.digest || ' ' || members.digest, ' ') FROM image_members AS members "
        "JOIN images ON images.id = members.image_id WHERE members.repository_id = ?",
        (record.id,),
    ).fetchall()
    digests = iter((members or "").split())
    references: dict[str, list[str]] = {}
    for index, member in zip(digests, digests, strict=True):
        references.setdefault(index, []).append(member)
    images = [detail(record, image) for image in details(registry, record)]
    return evaluate(policy, images, now=moment(registry.now), references=references)


def _named(
    registry: Registry, record: RepositoryRecord, image_ids: Sequence[ImageIdentifier]
) -> list[_Result]:
    """Return the results of the images that are named."""
    if any(one.image_digest is None and one.image_tag is None for one in image_ids):
        raise messages.invalid("imageId", messages.NEITHER_TAG_NOR_DIGEST)
    digests = [one.image_digest or _digest_of_tag(registry, record, one.image_tag) for one in image_ids]
    places = ", ".join("?" * len(digests))
    wanted = f"preview_results INDEXED BY preview_results_by_digest WHERE repository_id = ? AND digest IN ({places}) ORDER BY position"
    results = _results(registry, wanted, record.id, *digests)
    return [result for result in results if any(map(result.is_named_by, image_ids))]


def _digest_of_tag(registry: Registry, record: RepositoryRecord, tag: str | None) -> str | None:
    row = registry.db.execute(
        "SELECT digest FROM tags JOIN images ON images.id = tags.image_id "
        "WHERE tags.repository_id = ? AND tag = ?",
        (record.id, tag),
    ).fetchone()
    return None if row is None else str(row[0])


def _results(registry: Registry, source: str, *arguments: Any) -> list[_Result]:
    rows = registry.db.execute(
        "SELECT position, digest, tags, pushed_at, action, target, priority, storage_class "  # noqa: S608
        f"FROM {source}",
        arguments,
    )
    return [_Result(*row) for row in rows]


def _summary(evaluation: Evaluation[ImageDetail]) -> LifecyclePolicyPreviewSummary:
    counts = Counter(result.action.target_storage_class for result in evaluation.results)
    return LifecyclePolicyPreviewSummary(
        expiring_image_total_count=counts.pop(None, 0),
        transitioning_image_total_counts=tuple(
            TransitioningImageTotalCount(str(target).upper(), count)
            for target, count in sorted(counts.items(), key=str)
        ),
    )

"""Previews by ECR of what a lifecycle policy would do to a repository."""

from pathlib import Path
from typing import Any

from ecr_async.api.lifecycle import (
    GetLifecyclePolicyPreviewRequest,
    LifecyclePolicyPreviewResult,
    StartLifecyclePolicyPreviewRequest,
    paginate_get_lifecycle_policy_preview,
    start_lifecycle_policy_preview,
)
from ecr_async.lifecycle import LifecyclePolicy
from ecr_async.service import Service
from ecr_async.waiters import wait_until_lifecycle_policy_preview_complete

__all__ = ["COLUMNS", "preview_policy", "preview_row", "read_policy"]

COLUMNS = {"action": "Action", "rule": "Rule", "pushed": "Pushed", "tags": "Tags", "digest": "Digest"}


def read_policy(path: Path) -> LifecyclePolicy:
    """Read and check a policy. Raises a `LifecyclePolicyError` that lists every problem."""
    return LifecyclePolicy.from_json(path.read_text(encoding="utf-8"))


async def preview_policy(
    service: Service, repository: str, policy: LifecyclePolicy | None, timeout: float
) -> list[LifecyclePolicyPreviewResult]:
    """Preview a policy, or the repository's own; return the images that it would act on."""
    text = None if policy is None else policy.to_json()
    await start_lifecycle_policy_preview(
        service, StartLifecyclePolicyPreviewRequest(repository, lifecycle_policy_text=text)
    )
    request = GetLifecyclePolicyPreviewRequest(repository, max_results=100)
    await wait_until_lifecycle_policy_preview_complete(service, request, timeout=timeout)
    return [result async for result in paginate_get_lifecycle_policy_preview(service, request)]


def preview_row(result: LifecyclePolicyPreviewResult) -> dict[str, Any]:
    """Return an image that a policy would act on, for printing."""
    return {
        "action": result.action.type if result.action else None,
        "rule": result.applied_rule_priority,
        "pushed": result.image_pushed_at,
        "tags": list(result.image_tags),
        "digest": result.image_digest,
    }

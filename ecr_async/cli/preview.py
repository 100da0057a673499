"""`ecr-async preview` and `clean`: what a lifecycle policy would delete, and deleting it now."""

from pathlib import Path
from typing import Annotated

import typer

from ecr_async._bulk.batches import BatchResult, delete_images
from ecr_async.api.common import ImageIdentifier
from ecr_async.api.lifecycle import LifecyclePolicyPreviewResult
from ecr_async.cli.interruption import run
from ecr_async.cli.lifecycle_preview import COLUMNS, preview_policy, preview_row, read_policy
from ecr_async.cli.options import EndpointUrl, Profile, Region
from ecr_async.cli.places import Place
from ecr_async.cli.printing import AsJson, counted, notice, print_rows
from ecr_async.lifecycle import LifecyclePolicy, Rule

__all__ = ["clean", "preview"]

PolicyFile = Annotated[
    Path | None,
    typer.Option(
        "--policy",
        dir_okay=False,
        exists=True,
        help="A lifecycle policy's JSON. By default the repository's own.",
    ),
]
Timeout = Annotated[float, typer.Option(min=1, help="Seconds to wait for ECR's preview.")]
RepositoryName = Annotated[str, typer.Argument(help="The repository's name.")]


def preview(
    repository: RepositoryName,
    policy: PolicyFile = None,
    region: Region = None,
    profile: Profile = None,
    endpoint_url: EndpointUrl = None,
    timeout: Timeout = 300.0,
    as_json: AsJson = False,
) -> None:
    """Show which images a lifecycle policy would act on.

    It is a preview of ECR's own. Nothing is changed.
    """
    checked = None if policy is None else read_policy(policy)
    results = run(_preview(repository, checked, region, profile, endpoint_url, timeout))
    empty = f"the policy would act on no image of {repository}"
    print_rows(COLUMNS, map(preview_row, results), as_json=as_json, empty=empty)


async def _preview(
    repository: str,
    policy: LifecyclePolicy | None,
    region: str | None,
    profile: str | None,
    endpoint_url: str | None,
    timeout: float,
) -> list[LifecyclePolicyPreviewResult]:
    async with Place(profile, region, endpoint_url).open() as service:
        return await preview_policy(service, repository, policy, timeout)


def clean(
    repository: RepositoryName,
    policy: PolicyFile = None,
    untagged_days: Annotated[
        int | None, typer.Option(min=1, help="Instead of a policy: untagged images that are older in days.")
    ] = None,
    keep_newest: Annotated[
        int | None, typer.Option(min=1, help="Instead of a policy: all but so many of the newest images.")
    ] = None,
    delete: Annotated[
        bool, typer.Option("--delete", help="Delete the images instead of showing them.")
    ] = False,
    region: Region = None,
    profile: Profile = None,
    endpoint_url: EndpointUrl = None,
    timeout: Timeout = 300.0,
    as_json: AsJson = False,
) -> None:
    """Delete now what a lifecycle policy would expire later. Without `--delete` it is only shown.

    ECR's own preview says which images these are; the repository's policy stays as it is. The exit status
    is 1 if an image could not be deleted.
    """
    chosen = _policy(policy, untagged_days, keep_newest)
    results, deleted = run(_clean(repository, chosen, region, profile, endpoint_url, timeout, delete))
    print_rows(
        COLUMNS, map(preview_row, results), as_json=as_json, empty=f"{repository} has nothing to delete"
    )
    if not delete:
        notice(f"{counted(len(results), 'image')} would be deleted; --delete does it")
        return
    for failure in deleted.failures:
        notice(f"{failure.id.image_digest}: {failure.code}: {failure.reason}")
    failed = len({failure.id for failure in deleted.failures})
    notice(f"{counted(len(results) - failed, 'image')} deleted, {failed:,} not")
    raise typer.Exit(1 if failed else 0)


def _policy(path: Path | None, untagged_days: int | None, keep_newest: int | None) -> LifecyclePolicy | None:
    if path is not None:
        if untagged_days or keep_newest:
            raise typer.BadParameter("goes without --untagged-days and --keep-newest", param_hint="--policy")
        return read_policy(path)
    rules: list[Rule] = []
    if untagged_days is not None:
        rules.append(Rule.expire(1, "untagged", days_since_pushed=untagged_days))
    if keep_newest is not None:
        rules.append(Rule.expire(2, "any", keep_newest=keep_newest))
    return LifecyclePolicy(rules) if rules else None


async def _clean(
    repository: str,
    policy: LifecyclePolicy | None,
    region: str | None,
    profile: str | None,
    endpoint_url: str | None,
    timeout: float,
    delete: bool,
) -> tuple[list[LifecyclePolicyPreviewResult], BatchResult[ImageIdentifier, ImageIdentifier]]:
    async with Place(profile, region, endpoint_url).open() as service:
        found = await preview_policy(service, repository, policy, timeout)
        expiring = [each for each in found if each.action is not None and each.action.type == "EXPIRE"]
        if not delete:
            return expiring, BatchResult()
        images = [ImageIdentifier(image_digest=each.image_digest) for each in expiring]
        return expiring, await delete_images(service, repository, images, dry_run=False)

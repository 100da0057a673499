"""`ecr-async policy`: print, check and set lifecycle policies."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from ecr_async.api.lifecycle import (
    DeleteLifecyclePolicyRequest,
    GetLifecyclePolicyRequest,
    PutLifecyclePolicyRequest,
    delete_lifecycle_policy,
    get_lifecycle_policy,
    put_lifecycle_policy,
)
from ecr_async.cli.interruption import run
from ecr_async.cli.lifecycle_preview import read_policy
from ecr_async.cli.options import EndpointUrl, Profile, Region
from ecr_async.cli.places import Place
from ecr_async.cli.printing import counted, notice

__all__ = ["app"]

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)

RepositoryName = Annotated[str, typer.Argument(help="The repository's name.")]
PolicyFile = Annotated[Path, typer.Argument(dir_okay=False, exists=True, help="A lifecycle policy's JSON.")]


@app.callback()
def policy() -> None:
    """Lifecycle policies of repositories."""


@app.command()
def get(
    repository: RepositoryName,
    region: Region = None,
    profile: Profile = None,
    endpoint_url: EndpointUrl = None,
) -> None:
    """Print a repository's lifecycle policy, as it is stored."""

    async def read() -> str:
        async with Place(profile, region, endpoint_url).open() as service:
            response = await get_lifecycle_policy(service, GetLifecyclePolicyRequest(repository))
        return response.lifecycle_policy_text or ""

    sys.stdout.write(f"{run(read())}\n")


@app.command()
def check(file: PolicyFile) -> None:
    """Check a policy against ECR's documented rules, without a call.

    If ECR would reject it, each problem is printed on a line and the exit status is 1.
    """
    checked = read_policy(file)
    notice(f"{file}: {counted(len(checked.rules), 'rule')}, nothing wrong")


@app.command(name="set")
def set_policy(
    repository: RepositoryName,
    file: PolicyFile,
    region: Region = None,
    profile: Profile = None,
    endpoint_url: EndpointUrl = None,
) -> None:
    """Check a policy, and make it the repository's. ECR applies it within 24 hours."""
    checked = read_policy(file)

    async def write() -> None:
        async with Place(profile, region, endpoint_url).open() as service:
            await put_lifecycle_policy(service, PutLifecyclePolicyRequest(repository, checked.to_json()))

    run(write())
    notice(f"{repository} has the policy of {counted(len(checked.rules), 'rule')}")


@app.command()
def delete(
    repository: RepositoryName,
    region: Region = None,
    profile: Profile = None,
    endpoint_url: EndpointUrl = None,
) -> None:
    """Delete a repository's lifecycle policy."""

    async def remove() -> None:
        async with Place(profile, region, endpoint_url).open() as service:
            await delete_lifecycle_policy(service, DeleteLifecyclePolicyRequest(repository))

    run(remove())
    notice(f"{repository}: no lifecycle policy any more")

"""`ecr-async ls` and `tags`: what a registry and a repository hold."""

from datetime import datetime
from typing import Annotated, Any

import typer

from ecr_async._bulk.images.selection import Selection
from ecr_async.api.images import DescribeImagesRequest, ImageDetail, paginate_describe_images
from ecr_async.api.repositories import (
    DescribeRepositoriesRequest,
    Repository,
    paginate_describe_repositories,
)
from ecr_async.cli.interruption import run
from ecr_async.cli.options import EndpointUrl, Profile, Region
from ecr_async.cli.places import Place
from ecr_async.cli.printing import AsJson, notice, print_rows

__all__ = ["ls", "tags"]

REPOSITORY_COLUMNS = {"name": "Repository", "created": "Created", "tags": "Tags", "uri": "URI"}
TAG_COLUMNS = {
    "tag": "Tag",
    "digest": "Digest",
    "pushed": "Pushed",
    "pulled": "Last pulled",
    "size": "Bytes",
    "status": "Status",
}


def ls(
    pattern: Annotated[
        list[str] | None, typer.Argument(help="A name, or a pattern like 'team/*'. By default all.")
    ] = None,
    region: Region = None,
    profile: Profile = None,
    endpoint_url: EndpointUrl = None,
    as_json: AsJson = False,
) -> None:
    """List the repositories of a registry, by name.

    Exits with status 1 if a repository that is named exactly isn't there.
    """
    selection = Selection.of(pattern or None)
    rows = run(_repositories(selection, region, profile, endpoint_url))
    missing = sorted({*selection.names} - {row["name"] for row in rows})
    print_rows(REPOSITORY_COLUMNS, rows, as_json=as_json, empty="there are no repositories to list")
    for name in missing:
        notice(f"{name}: there is no such repository")
    if missing:
        raise typer.Exit(1)


async def _repositories(
    selection: Selection, region: str | None, profile: str | None, endpoint_url: str | None
) -> list[dict[str, Any]]:
    async with Place(profile, region, endpoint_url).open() as service:
        pager = paginate_describe_repositories(service, DescribeRepositoriesRequest(max_results=1000))
        found = [each async for each in pager if _is_selected(each, selection)]
    return [
        {
            "name": each.repository_name,
            "created": each.created_at,
            "tags": (each.image_tag_mutability or "").lower().replace("_", " "),
            "uri": each.repository_uri,
        }
        for each in sorted(found, key=lambda each: each.repository_name or "")
    ]


def _is_selected(repository: Repository, selection: Selection) -> bool:
    if repository.repository_name in selection.names:
        return True
    return selection.predicate is not None and selection.predicate(repository)


def tags(
    repository: Annotated[str, typer.Argument(help="The repository's name.")],
    region: Region = None,
    profile: Profile = None,
    endpoint_url: EndpointUrl = None,
    untagged: Annotated[bool, typer.Option("--untagged", help="Show images without a tag as well.")] = False,
    as_json: AsJson = False,
) -> None:
    """List a repository's tags, the image that was pushed last first."""
    rows = run(_tags(repository, region, profile, endpoint_url, untagged))
    print_rows(TAG_COLUMNS, rows, as_json=as_json, empty=f"{repository} has no tags")


async def _tags(
    repository: str, region: str | None, profile: str | None, endpoint_url: str | None, untagged: bool
) -> list[dict[str, Any]]:
    async with Place(profile, region, endpoint_url).open() as service:
        request = DescribeImagesRequest(repository, max_results=1000)
        images = [image async for image in paginate_describe_images(service, request)]
    images.sort(key=_pushed_at, reverse=True)
    return [
        {
            "tag": tag,
            "digest": image.image_digest,
            "pushed": image.image_pushed_at,
            "pulled": image.last_recorded_pull_time,
            "size": image.image_size_in_bytes,
            "status": image.image_status,
        }
        for image in images
        for tag in image.image_tags or ([None] if untagged else [])
    ]


def _pushed_at(image: ImageDetail) -> tuple[bool, datetime | None]:
    return image.image_pushed_at is not None, image.image_pushed_at

"""`ecr-async sync`: the images of many repositories brought from one registry to another."""

import asyncio
import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import attrs
import typer
from rich.console import Console
from rich.filesize import decimal

from ecr_async._bulk.images.results import FailedListing, FailedRepository, VanishedRepository
from ecr_async.cli.copy import FromEndpointUrl, FromProfile, FromRegion, ToEndpointUrl, ToProfile, ToRegion
from ecr_async.cli.places import Place
from ecr_async.cli.progress import progress_bar
from ecr_async.cli.transfer_report import to_json
from ecr_async.transfer.sync.results import SyncedImage, SyncResult, SyncSummary
from ecr_async.transfer.sync.run import Sync, sync_images

__all__ = ["sync"]


def sync(
    repository: Annotated[
        list[str] | None,
        typer.Option(metavar="PATTERN", help="A name, or a pattern like 'team/*'; may be given again."),
    ] = None,
    tag: Annotated[
        list[str] | None,
        typer.Option(metavar="PATTERN", help="Which tags, like 'v1.*'; may be given again. All by default."),
    ] = None,
    tag_regex: Annotated[
        list[str] | None,
        typer.Option(metavar="REGEX", help="Which tags, as a regular expression of the whole tag."),
    ] = None,
    newest: Annotated[
        int | None, typer.Option(min=1, help="Of each repository, only so many of the newest images.")
    ] = None,
    prefix: Annotated[str, typer.Option(help="What comes before the names at the destination.")] = "",
    referrers: Annotated[bool, typer.Option(help="Whether signatures and SBOMs come along.")] = False,
    create_like_source: Annotated[
        bool, typer.Option("--create-like-source", help="Create missing repositories, with all settings.")
    ] = False,
    prune: Annotated[
        bool, typer.Option("--prune", help="Remove selected tags that the source no longer has.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")] = False,
    checkpoint: Annotated[
        Path | None, typer.Option(dir_okay=False, help="Note in this file which repositories are done.")
    ] = None,
    concurrency: Annotated[int, typer.Option(min=1, help="How many images are copied at a time.")] = 16,
    from_profile: FromProfile = None,
    to_profile: ToProfile = None,
    from_region: FromRegion = None,
    to_region: ToRegion = None,
    from_endpoint_url: FromEndpointUrl = None,
    to_endpoint_url: ToEndpointUrl = None,
    json: Annotated[
        bool, typer.Option("--json", help="Print each result, and last the summary, as lines of JSON.")
    ] = False,
) -> None:
    """Bring the images of whole registries to where they are missing.

    The exit status is 1 if something failed, or if a repository that was named does not exist.
    """
    tags: list[str | re.Pattern[str]] = [*(tag or []), *map(_compiled, tag_regex or [])]
    there = Place(from_profile, from_region, from_endpoint_url)
    here = Place(to_profile, to_region, to_endpoint_url)

    async def run() -> SyncSummary:
        async with there.open() as source, here.open() as destination:
            syncing = sync_images(
                source,
                destination,
                repository,
                rename=partial(_prefixed, prefix),
                tags=tags or None,
                newest=newest,
                include_referrers=referrers,
                create_repositories="like_source" if create_like_source else None,
                prune=prune,
                dry_run=dry_run,
                concurrency=concurrency,
                checkpoint=checkpoint,
            )
            await _follow(syncing, typer.echo if json else None)
            return syncing.summary

    summary = asyncio.run(run())
    if json:
        typer.echo(to_json({"summary": attrs.asdict(summary)}))
    else:
        typer.echo(_outcome(summary))
    nothing = summary.repositories == summary.vanished
    if nothing:
        typer.echo("ecr-async: no repository was found", err=True)
    raise typer.Exit(0 if summary.complete and not nothing and not summary.vanished else 1)


async def _follow(syncing: Sync, write: Callable[[str], Any] | None) -> None:
    """Iterate a sync, printing failures on standard error, with a progress bar if that is a terminal."""
    notices = Console(stderr=True, soft_wrap=True)
    with progress_bar(notices) as bar:
        task = bar.add_task("Planning" if syncing.summary.dry_run else "Copying", total=None, note="")
        async for result in syncing:
            if (notice := _notice(result)) is not None:
                notices.print(notice, highlight=False, markup=False)
            if write is not None:
                write(to_json(_document(result)))
            summary = syncing.summary
            note = f"{summary.copied:,} copied, {summary.present:,} present, {decimal(summary.bytes_moved)}"
            bar.update(task, total=summary.repositories, completed=summary.done, note=note)


def _notice(result: SyncResult) -> str | None:
    match result:
        case SyncedImage(error=None):
            return None
        case SyncedImage(destination=repository, tags=tags, digest=digest, error=error):
            return f"{repository}:{tags[0] if tags else digest}: {error}"
        case FailedRepository(repository=repository, error=error):
            return f"{repository}: {error}"
        case VanishedRepository(repository=repository):
            return f"{repository}: there is no such repository"
        case FailedListing(error=error):
            return str(error)


def _document(result: SyncResult) -> dict[str, Any]:
    if isinstance(result, SyncedImage):
        return attrs.asdict(result)
    members = {"type": type(result).__name__}
    for name in ("repository", "error"):
        if (value := getattr(result, name, None)) is not None:
            members[name] = value
    return members


def _outcome(summary: SyncSummary) -> str:
    counts = {
        "copied": summary.copied,
        "to copy": summary.to_copy,
        "present": summary.present,
        "skipped": summary.skipped,
        "pruned": summary.pruned,
        "to prune": summary.to_prune,
        "failed": summary.failed + summary.failed_repositories,
    }
    images = ", ".join(f"{count:,} {what}" for what, count in counts.items() if count) or "no images"
    size = f"at most {decimal(summary.bytes_to_copy)}" if summary.dry_run else decimal(summary.bytes_moved)
    return f"{images}; {size} in {summary.repositories:,} repositories"


def _compiled(expression: str) -> re.Pattern[str]:
    try:
        return re.compile(expression)
    except re.error as error:
        raise typer.BadParameter(f"{expression!r} is not a regular expression: {error}") from None


def _prefixed(prefix: str, name: str) -> str:
    return f"{prefix}{name}"

"""`ecr-async sync`: the images of many repositories brought from one registry to another."""

import re
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import attrs
import typer
from rich.console import Console
from rich.filesize import decimal

from ecr_async._bulk.images.results import FailedListing, FailedRepository, VanishedRepository
from ecr_async.cli.interruption import run
from ecr_async.cli.options import (
    FromEndpointUrl,
    FromProfile,
    FromRegion,
    ToEndpointUrl,
    option,
    profile_fault,
    region_fault,
)
from ecr_async.cli.places import Place
from ecr_async.cli.progress import progress_bar
from ecr_async.cli.registries import Registries
from ecr_async.cli.transfer_report import to_json
from ecr_async.service import Service
from ecr_async.transfer.sync.results import SyncedImage, SyncResult, SyncStatus, SyncSummary
from ecr_async.transfer.sync.run import Sync, sync_images

__all__ = ["sync"]

STATUSES: tuple[SyncStatus, ...] = (
    "copied",
    "to_copy",
    "present",
    "skipped",
    "pruned",
    "to_prune",
    "failed",
)
"""In the order in which they are shown."""


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
    referrers: Annotated[bool, typer.Option(help="Whether signatures and SBOMs are copied too.")] = False,
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
    concurrency: Annotated[
        int, typer.Option(min=1, help="How many images are copied to each destination at a time.")
    ] = 16,
    from_profile: FromProfile = None,
    to_profile: Annotated[
        list[str] | None,
        option(help="A destination's profile; may be given again.", fault_of=profile_fault),
    ] = None,
    from_region: FromRegion = None,
    to_region: Annotated[
        list[str] | None,
        option(
            help="A destination's region; may be given again. By default its profile's.",
            fault_of=region_fault,
        ),
    ] = None,
    from_endpoint_url: FromEndpointUrl = None,
    to_endpoint_url: ToEndpointUrl = None,
    from_registry_id: Annotated[
        str | None,
        typer.Option(help="The account whose registry is the source; by default the profile's own."),
    ] = None,
    to_registry_id: Annotated[
        str | None,
        typer.Option(help="The account whose registry the images go to; by default the profile's own."),
    ] = None,
    to_account: Annotated[
        list[str] | None,
        typer.Option(
            help="A destination's account, entered with --to-role; may be given again. Takes '--to-region all'."
        ),
    ] = None,
    to_role: Annotated[
        str | None, typer.Option(help="The role that is assumed in each --to-account.")
    ] = None,
    json: Annotated[
        bool, typer.Option("--json", help="Print each result, and last the summary, as lines of JSON.")
    ] = False,
) -> None:
    """Bring the images of whole registries to where they are missing.

    That is one registry or several; with several, a line for each says what was done there. The exit status
    is 1 if something failed, or if a repository that was named does not exist.
    """
    tags: list[str | re.Pattern[str]] = [*(tag or []), *map(_compiled, tag_regex or [])]
    there = Place(from_profile, from_region, from_endpoint_url)
    here = Registries(to_profile or [None], to_region or [None], to_endpoint_url, to_account or (), to_role)
    tally = _Tally()

    async def synchronise() -> SyncSummary:
        async with there.open() as source, here.open() as (destinations, names):
            tally.names.update(names)
            syncing = sync_images(
                source,
                destinations,
                repository,
                source_registry_id=from_registry_id,
                registry_id=to_registry_id,
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
            await _follow(syncing, tally, typer.echo if json else None)
            return syncing.summary

    summary = run(synchronise())
    if json:
        typer.echo(to_json({"summary": attrs.asdict(summary)}))
    else:
        for line in tally.lines() if summary.destinations > 1 else ():
            typer.echo(line)
        typer.echo(_outcome(summary))
    nothing = summary.repositories == summary.vanished and not summary.failed_listings
    if nothing:
        typer.echo("ecr-async: no repository was found", err=True)
    raise typer.Exit(0 if summary.complete and not nothing and not summary.vanished else 1)


@attrs.define
class _Tally:
    """What became of the images at each destination; `names` are those of destinations that have one."""

    names: dict[Service, str] = attrs.field(factory=dict[Service, str])
    _counted: dict[str, Counter[str]] = attrs.field(factory=dict[str, Counter[str]])

    def name(self, service: Service) -> str:
        """Return a destination's name for people."""
        return self.names.get(service) or "/".join(filter(None, (service.account, service.region)))

    def add(self, result: SyncResult) -> None:
        """Count a result."""
        match result:
            case SyncedImage(service=service, status=status, size=size, bytes_moved=moved):
                counted = self._counted.setdefault(self.name(service), Counter())
                counted[status] += 1
                counted["bytes"] += size if status == "to_copy" else moved
            case _:
                pass

    def lines(self) -> Iterator[str]:
        """Yield a line for each destination."""
        for name, counted in sorted(self._counted.items()):
            at_most = "at most " if counted["to_copy"] else ""
            yield f"{name}: {_counts(counted)}; {at_most}{decimal(counted['bytes'])}"


async def _follow(syncing: Sync, tally: _Tally, write: Callable[[str], Any] | None) -> None:
    """Iterate a sync, printing failures on standard error, with a progress bar if that is a terminal."""
    notices = Console(stderr=True, soft_wrap=True)
    with progress_bar(notices) as bar:
        task = bar.add_task("Planning" if syncing.summary.dry_run else "Copying", total=None, note="")
        async for result in syncing:
            tally.add(result)
            if (notice := _notice(result, tally)) is not None:
                notices.print(notice, highlight=False, markup=False)
            if write is not None:
                write(to_json(_document(result)))
            summary = syncing.summary
            note = f"{summary.copied:,} copied, {summary.present:,} present, {decimal(summary.bytes_moved)}"
            bar.update(task, total=summary.repositories, completed=summary.done, note=note)


def _notice(result: SyncResult, tally: _Tally) -> str | None:
    """Return the line about a failure; None for anything else."""
    match result:
        case SyncedImage(error=None):
            return None
        case SyncedImage(service=service, destination=repository, tags=tags, digest=digest, error=error):
            return f"{tally.name(service)}: {repository}:{tags[0] if tags else digest}: {error}"
        case FailedRepository(service=service, repository=repository, error=error):
            return f"{tally.name(service)}: {repository}: {error}"
        case VanishedRepository(service=service, repository=repository):
            return f"{tally.name(service)}: {repository}: there is no such repository"
        case FailedListing(service=service, error=error):
            return f"{tally.name(service)}: {error}"


def _document(result: SyncResult) -> dict[str, Any]:
    """Return a result as its line of JSON has it: `region` and `account` are the destination's."""
    if isinstance(result, SyncedImage):
        members = attrs.asdict(result, filter=attrs.filters.exclude("service"))
    else:
        members = {"type": type(result).__name__}
        for name in ("repository", "error"):
            if (value := getattr(result, name, None)) is not None:
                members[name] = value
    return {"region": result.service.region, "account": result.service.account, **members}


def _outcome(summary: SyncSummary) -> str:
    counts = Counter(
        {
            "copied": summary.copied,
            "to_copy": summary.to_copy,
            "present": summary.present,
            "skipped": summary.skipped,
            "pruned": summary.pruned,
            "to_prune": summary.to_prune,
            "failed": summary.failed + summary.failed_repositories + summary.failed_listings,
        }
    )
    size = f"at most {decimal(summary.bytes_to_copy)}" if summary.dry_run else decimal(summary.bytes_moved)
    return f"{_counts(counts)}; {size} in {summary.repositories:,} repositories"


def _counts(counted: Counter[str]) -> str:
    counts = [f"{counted[each]:,} {each.replace('_', ' ')}" for each in STATUSES if counted[each]]
    return ", ".join(counts) or "no images"


def _compiled(expression: str) -> re.Pattern[str]:
    try:
        return re.compile(expression)
    except re.error as error:
        raise typer.BadParameter(f"{expression!r} is not a regular expression: {error}") from None


def _prefixed(prefix: str, name: str) -> str:
    return f"{prefix}{name}"

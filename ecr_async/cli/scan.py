"""`ecr-async scan`: every image of many repositories, in many regions and accounts."""

import gc
import json
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Annotated

import attrs
import typer
from rich.console import Console

from ecr_async._bulk.images import (
    FailedListing,
    FailedRepository,
    Scan,
    ScannedPage,
    ScanResult,
    VanishedRepository,
    scan_images,
    write_jsonl,
)
from ecr_async._bulk.services import ServiceSelection
from ecr_async.api.common import TagStatus
from ecr_async.cli.interruption import run
from ecr_async.cli.options import EndpointUrl, Profiles, Regions
from ecr_async.cli.printing import notice
from ecr_async.cli.progress import scan_progress
from ecr_async.cli.registries import Registries
from ecr_async.report.tables import scan_tables
from ecr_async.report.totals import Totals
from ecr_async.service import Service

__all__ = ["scan"]


def scan(
    region: Regions = None,
    profile: Profiles = None,
    account: Annotated[
        list[str] | None,
        typer.Option(help="An account to enter with --role; may be given again. Takes '--region all'."),
    ] = None,
    role: Annotated[str | None, typer.Option(help="The role that is assumed in each account.")] = None,
    endpoint_url: EndpointUrl = None,
    repository: Annotated[
        list[str] | None,
        typer.Option(metavar="PATTERN", help="A name, or a pattern like 'team/*'; may be given again."),
    ] = None,
    tag_status: Annotated[
        TagStatus,
        typer.Option(case_sensitive=False, show_default=False, help="Which images to take; any by default."),
    ] = "ANY",
    output: Annotated[
        Path | None,
        typer.Option(
            dir_okay=False,
            help="Write the images to this file: as Parquet if it ends in .parquet, else as JSON lines.",
        ),
    ] = None,
    checkpoint: Annotated[
        Path | None,
        typer.Option(
            dir_okay=False, help="Keep a record in this file, and continue from it after an interruption."
        ),
    ] = None,
    concurrency: Annotated[
        int, typer.Option(min=1, help="How many repositories of a region are scanned at a time.")
    ] = 64,
) -> None:
    """Scan the images of whole registries.

    On a terminal a bar shows how far it is, and tables what was found; elsewhere the outcome is one
    line of JSON. The exit status is 1 if something could not be scanned, or if no registry has a
    repository that was named exactly; after a signal, 128 and its number.
    """
    registries = Registries(profile or [None], region or [None], endpoint_url, account or (), role)
    start = partial(
        scan_images,
        repositories=repository,
        tag_status=tag_status,
        concurrency=concurrency,
        checkpoint=checkpoint,
    )
    is_complete = run(_scan(registries, start, output))
    raise typer.Exit(0 if is_complete else 1)


async def _scan(
    registries: Registries, start: Callable[[ServiceSelection], Scan], output: Path | None
) -> bool:
    """Scan. Returns whether nothing failed and everything that was named was found."""
    console = Console(stderr=True, soft_wrap=True)
    async with registries.open() as (services, names):
        images = start(services)
        totals = Totals(names.values())
        with scan_progress(console) as update:

            def show(result: ScanResult) -> None:
                match result:
                    case ScannedPage():
                        totals.add_page(result, _registry(result.service, names))
                    case VanishedRepository():
                        pass  # reported at the end, if no registry has it
                    case FailedListing() | FailedRepository():
                        totals.add_failure(_registry(result.service, names))
                        console.print(_failure(result, names), highlight=False, markup=False)
                update(images.summary)

            gc.freeze()  # what is imported by now is not looked at again while the scan makes its objects
            await _write(images, output, show)
    _tell(images, totals, [*names.values()])
    return images.summary.complete and not images.not_found


async def _write(images: Scan, output: Path | None, show: Callable[[ScanResult], None]) -> None:
    if output is None:
        async for result in images:
            show(result)
    elif output.suffix == ".parquet":
        from ecr_async.arrow import write_parquet  # noqa: PLC0415 - it may not be installed

        await write_parquet(images, output, on_result=show)
    else:
        await write_jsonl(images, output, on_result=show)


def _registry(service: Service, names: Mapping[Service, str]) -> str:
    """Return a registry's name for people; the accounts of a fleet are distinguished by their numbers."""
    return names.get(service) or "/".join(filter(None, (service.account, service.region)))


def _failure(result: FailedRepository | FailedListing, names: Mapping[Service, str]) -> str:
    """Return the line that says what is wrong."""
    where = _registry(result.service, names)
    what = f"{result.repository}: " if result.repository else ""
    return f"{where}: {what}{result.error}"


def _tell(images: Scan, totals: Totals, registries: list[str]) -> None:
    """Say what was found; on a terminal in tables, elsewhere as JSON."""
    summary = images.summary
    where = ", ".join(registries) or "any of the accounts"
    if images.resumes is not None:
        notice(
            f"continued the scan of {images.resumes:%Y-%m-%d %H:%M} UTC, "
            f"of which {summary.done_before:,} repositories were done before"
        )
    for name in sorted(images.not_found):
        notice(f"{name}: there is no such repository in {where}")
    if not summary.repositories and not summary.failed_listings:
        notice(f"there are no repositories to scan in {where}: is it the right region, account and pattern?")
    console = Console()
    if console.is_terminal:
        console.print(scan_tables(totals, summary))
        return
    outcome = attrs.asdict(summary) | {
        "seconds": round(summary.seconds, 3),
        "registries": {
            each.name: {
                "repositories": each.repositories,
                "images": each.images,
                "bytes": each.bytes,
                "failures": each.failures,
            }
            for each in totals.registries()
        },
    }
    print(json.dumps(outcome))

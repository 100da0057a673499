"""`ecr-async scan`: every image of many repositories, in many regions and accounts."""

import asyncio
import json
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
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
    ScanSummary,
    VanishedRepository,
    scan_images,
)
from ecr_async.api.common import TagStatus
from ecr_async.cli.report import report, scan_progress
from ecr_async.cli.totals import Tally
from ecr_async.service import Service
from ecr_async.session import Session

__all__ = ["scan"]


def scan(
    region: Annotated[
        list[str] | None, typer.Option(help="A region to scan; may be given again. By default the profile's.")
    ] = None,
    profile: Annotated[
        list[str] | None, typer.Option(help="A profile of the shared config files; may be given again.")
    ] = None,
    endpoint_url: Annotated[
        str | None, typer.Option(help="Where ECR is, if not at its own endpoint.")
    ] = None,
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
            dir_okay=False, help="Keep a record in this file, and go on from it after an interruption."
        ),
    ] = None,
    concurrency: Annotated[
        int, typer.Option(min=1, help="How many repositories of a region are scanned at a time.")
    ] = 64,
) -> None:
    """Scan the images of whole registries.

    On a terminal a bar shows how far it is, and tables what was found; elsewhere the outcome is one
    line of JSON. The exit status is 1 if something could not be scanned.
    """
    registries = _Registries(profile or [None], region or [None], endpoint_url)
    start = partial(
        scan_images,
        repositories=repository,
        tag_status=tag_status,
        concurrency=concurrency,
        checkpoint=checkpoint,
    )
    complete = asyncio.run(_scan(registries, start, output))
    raise typer.Exit(0 if complete else 1)


@attrs.frozen
class _Registries:
    """Which registries to scan: each region of each profile; None is the one that is configured."""

    profiles: Sequence[str | None]
    regions: Sequence[str | None]
    endpoint_url: str | None

    @asynccontextmanager
    async def open(self) -> AsyncGenerator[Mapping[Service, str], None]:
        """Give their services, each with a name for people."""
        async with AsyncExitStack() as stack:
            services: dict[Service, str] = {}
            for profile in self.profiles:
                session = Session(profile=profile, endpoint_url=self.endpoint_url)
                await stack.enter_async_context(session)
                for region in self.regions:
                    service = session.service(region)
                    services[service] = f"{profile}/{service.region}" if profile else service.region
            yield services


async def _scan(
    registries: _Registries, start: Callable[[Iterable[Service]], Scan], output: Path | None
) -> bool:
    """Scan, and tell whether nothing failed."""
    notices = Console(stderr=True, soft_wrap=True)
    async with registries.open() as services:
        images = start(services)
        tally = Tally(services)
        with scan_progress(notices) as update:

            def show(result: ScanResult) -> None:
                if isinstance(result, ScannedPage):
                    tally.add(result)
                else:
                    notices.print(_notice(result, services), highlight=False, markup=False)
                update(images.summary)

            if output is None:
                async for result in images:
                    show(result)
            elif output.suffix == ".parquet":
                from ecr_async.arrow import write_parquet  # noqa: PLC0415 - it may not be installed

                await write_parquet(images, output, on_result=show)
            else:
                await images.write_jsonl(output, on_result=show)
    _print_outcome(images.summary, tally)
    return images.summary.complete


def _notice(
    result: FailedRepository | VanishedRepository | FailedListing, services: Mapping[Service, str]
) -> str:
    """Return the line that says what is wrong."""
    where = services[result.service]
    match result:
        case FailedListing(error=error):
            return f"{where}: {error}"
        case FailedRepository(repository=repository, error=error):
            return f"{where}: {repository}: {error}"
        case VanishedRepository(repository=repository):
            return f"{where}: {repository}: there is no such repository"


def _print_outcome(summary: ScanSummary, tally: Tally) -> None:
    console = Console()
    if console.is_terminal:
        console.print(report(tally, summary))
    else:
        outcome = attrs.asdict(summary) | {"seconds": round(summary.seconds, 3)}
        print(json.dumps(outcome))

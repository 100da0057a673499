"""`make demo`: a company's registry in an embedded ECR, scanned, and what a lifecycle policy would free.

Everything happens on this machine: no AWS account, no credentials, no network. The registry is made up
by `fleet.py`, the same every time; twenty of its images have real layers, built and pushed by `oci.py`.
"""

import asyncio
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from random import Random

from fleet import DAY, Clock, Fleet, make_fleet
from oci import build, layer, push
from rich.console import Console
from rich.filesize import decimal
from rich.padding import Padding
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
)
from rich.table import Table

import ecr_async as ecr
from ecr_async.lifecycle import LifecyclePolicy, Rule, evaluate
from ecr_async.local import LocalECR
from ecr_async.report import Totals
from ecr_async.report.tables import bar, scan_tables

REGION = "eu-west-1"
BASES = ("platform/base/go", "platform/base/java", "platform/base/node", "platform/base/python")
VERSIONS = 5
CHUNK = 500
INDENT = 1, 0, 1, 2

POLICY = LifecyclePolicy(
    [
        Rule.expire(1, ["*.*.*"], keep_newest=10, description="releases but the newest 10"),
        Rule.expire(2, "untagged", days_since_pushed=14, description="untagged, over 14 days old"),
        Rule.expire(3, "any", days_since_pushed=180, description="others, over 180 days old"),
    ]
)

console = Console(highlight=False)


async def main() -> None:
    """Run the demo."""
    began = time.perf_counter()
    clock = Clock()
    async with (
        LocalECR(region=REGION, verify_layers=False, clock=clock) as local,
        local.session() as session,
    ):
        service = session.service()
        _step("Embedded ECR", f"{local.endpoint_url}, account {local.account_id}, {REGION}")
        await fill(local, make_fleet(time.time()), clock)
        await push_real_images(service, clock)
        images = await scan(service)
        largest = max(images, key=lambda repository: _size(images[repository]))
        await preview(service, largest, images[largest])
        evaluate_everywhere(images)
    _step("Done", f"in {time.perf_counter() - began:.0f} s; the code is in examples/demo.py")


async def fill(local: LocalECR, fleet: Fleet, clock: Clock) -> None:
    """Replay three years of pushes, each at its time."""
    began = time.perf_counter()
    await local.fill(fleet.creations())
    with _progress() as progress:
        task = progress.add_task("Filling", total=len(fleet.pushes), note="")
        for start in range(0, len(fleet.pushes), CHUNK):
            chunk = fleet.pushes[start : start + CHUNK]
            await local.fill(fleet.replay(chunk, clock))
            progress.update(
                task, advance=len(chunk), note=f"{datetime.fromtimestamp(chunk[-1].at, UTC):%B %Y}"
            )
    clock.replayed = None
    _step(
        "Filled",
        f"{len(fleet.repositories):,} repositories, {len(fleet.pushes):,} images, "
        f"three years of pushes: {time.perf_counter() - began:.1f} s",
    )


async def push_real_images(service: ecr.Service, clock: Clock) -> None:
    """Push images that really have layers: what a repository has already isn't sent again."""
    random = Random(1)
    sent = 0
    began = time.perf_counter()
    for repository in BASES:
        await ecr.create_repository(service, ecr.CreateRepositoryRequest(repository))
        common = layer({"usr/lib/runtime.bin": random.randbytes(3_000_000)})
        for version in range(VERSIONS):
            clock.replayed = time.time() - DAY * 60 * (VERSIONS - version)
            own = layer({"etc/os-release": f'VERSION="1.{version}"\n'.encode() + random.randbytes(200_000)})
            image = build([common, own], {"org.opencontainers.image.version": f"1.{version}.0"})
            sent += await push(service, repository, image, [f"1.{version}.0", "latest"])
    clock.replayed = None
    _step(
        "Pushed",
        f"{len(BASES) * VERSIONS} more with real layers, {decimal(sent)} by the layer operations: "
        f"{time.perf_counter() - began:.1f} s",
    )


async def scan(service: ecr.Service) -> dict[str, list[ecr.ImageDetail]]:
    """Scan every repository, report, and return the images by repository."""
    totals = Totals()
    images: dict[str, list[ecr.ImageDetail]] = defaultdict(list)
    pages = ecr.scan_images([service])
    with _progress() as progress:
        task = progress.add_task("Scanning", total=None, note="")
        async for result in pages:
            if isinstance(result, ecr.ScannedPage):
                totals.add_page(result, registry=service.region)
                images[result.repository] += result.images
            summary = pages.summary
            progress.update(
                task,
                total=summary.repositories,
                completed=summary.scanned,
                note=f"{summary.images:,} images, {decimal(summary.bytes)}",
            )
    _step("Scanned", "every repository, with signed calls over HTTP")
    console.print(Padding(scan_tables(totals, pages.summary), INDENT))
    return images


async def preview(service: ecr.Service, repository: str, images: Iterable[ecr.ImageDetail]) -> None:
    """Have ECR preview a lifecycle policy on the largest repository."""
    await ecr.start_lifecycle_policy_preview(
        service, ecr.StartLifecyclePolicyPreviewRequest(repository, lifecycle_policy_text=POLICY.to_json())
    )
    request = ecr.GetLifecyclePolicyPreviewRequest(repository, max_results=100)
    with console.status(f"Waiting for the lifecycle policy preview of {repository}"):
        await ecr.wait_until_lifecycle_policy_preview_complete(service, request)
    sizes = {image.image_digest: image.image_size_in_bytes or 0 for image in images}
    expiring: dict[int | None, list[int]] = defaultdict(list)
    async for result in ecr.paginate_get_lifecycle_policy_preview(service, request):
        expiring[result.applied_rule_priority].append(sizes[result.image_digest])
    _step("Previewed", f"a lifecycle policy on {repository}, the largest repository")
    console.print(Padding(_expiring(expiring, list(sizes.values())), INDENT))


def evaluate_everywhere(images: Mapping[str, Sequence[ecr.ImageDetail]]) -> None:
    """Evaluate the same policy on all repositories, without a call."""
    began = time.perf_counter()
    now = datetime.now(UTC)
    expiring = [
        result.image for each in images.values() for result in evaluate(POLICY, each, now=now).results
    ]
    took = time.perf_counter() - began
    everything = sum(map(_size, images.values()))
    _step(
        "Evaluated",
        f"the same policy on all {len(images):,} repositories, offline, in {took:.2f} s: {len(expiring):,} images "
        f"would expire and free {decimal(_size(expiring))} of {decimal(everything)}",
    )


def _expiring(expiring: Mapping[int | None, Sequence[int]], sizes: Sequence[int]) -> Table:
    """Return a table of what each rule would expire; `sizes` are those of all images."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim", footer_style="bold")
    table.show_footer = True
    rows = [(rule, expiring.get(rule.priority, ())) for rule in POLICY.rules]
    gone = [size for _, expired in rows for size in expired]
    table.add_column("Rule", footer="would expire")
    table.add_column("Images", justify="right", footer=f"{len(gone):,}")
    table.add_column(f"of {len(sizes):,}", style="cyan", footer=bar(len(gone) / len(sizes)))
    table.add_column("Size", justify="right", footer=decimal(sum(gone)))
    table.add_column(f"of {decimal(sum(sizes))}", style="cyan", footer=bar(sum(gone) / sum(sizes)))
    for rule, expired in rows:
        table.add_row(
            rule.description,
            f"{len(expired):,}",
            bar(len(expired) / len(sizes)),
            decimal(sum(expired)),
            bar(sum(expired) / sum(sizes)),
        )
    return table


def _size(images: Iterable[ecr.ImageDetail]) -> int:
    return sum(image.image_size_in_bytes or 0 for image in images)


def _progress() -> Progress:
    """Return a progress bar that leaves nothing behind, and is not shown where nobody looks."""
    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(bar_width=32),
        MofNCompleteColumn(),
        TextColumn("[dim]{task.fields[note]}"),
        TimeElapsedColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )


def _step(what: str, how: str) -> None:
    line = Table.grid(padding=(0, 2, 0, 0))
    line.add_column(style="bold green", min_width=12)
    line.add_column(overflow="fold")
    line.add_row(what, how)
    console.print(line)


if __name__ == "__main__":
    asyncio.run(main())

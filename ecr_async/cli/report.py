"""`ecr-async report`: the figures of a scan's file."""

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from ecr_async.cli.printing import AsJson, as_json_lines, counted, is_for_people, notice, say
from ecr_async.report import Totals, read_rows
from ecr_async.report.page import html_page
from ecr_async.report.tables import scan_tables

__all__ = ["report"]


def report(
    file: Annotated[
        Path,
        typer.Argument(
            dir_okay=False, exists=True, help="What `scan --output` wrote: JSON lines or Parquet."
        ),
    ],
    output: Annotated[
        Path | None, typer.Option(dir_okay=False, help="Write a page of HTML to this file.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show the figures of the images in a scan's file.

    By registry, by repository, by age. No call is made.
    """
    totals = Totals()
    for row in read_rows(file):
        account = row["registry_id"]
        totals.add_row(row, f"{account}/{row['region']}" if account else row["region"])
    if not totals.total().images:
        sys.exit(f"ecr-async: {file}: there are no images in it")
    if output is not None:
        output.write_text(html_page(totals, source=file.name, now=datetime.now(UTC)), encoding="utf-8")
        notice(f"{output}: {counted(totals.total().images, 'image')}")
    elif is_for_people(as_json):
        say(scan_tables(totals))
    else:
        as_json_lines(
            {
                "registry": each.registry,
                "repository": each.name,
                "images": each.images,
                "untagged": each.untagged,
                "bytes": each.bytes,
                "untagged_bytes": each.untagged_bytes,
                "oldest": each.oldest,
                "findings": dict(each.findings),
            }
            for each in totals.repositories()
        )

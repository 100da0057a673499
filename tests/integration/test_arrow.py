"""Scans as Arrow and Parquet: one row an image, files that are whole or not there."""

import asyncio
import json
import operator
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import aclosing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import polars
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import ecr_async as ecr
from ecr_async import arrow
from ecr_async.local import LocalECR
from ecr_async.oci.media_types import OCI_CONFIG, OCI_MANIFEST
from tests.integration.local.content import manifest
from tests.integration.subprocesses import ROOT
from tests.unit.fake_registry import FakeRegistry

TEAMS = {"team/api": 3, "team/web": 2500, "tools/lint": 1, "empty": 0}
IMAGES = sum(TEAMS.values())


async def written(path: Path, registry: FakeRegistry, **options: Any) -> ecr.ScanSummary:
    """Scan a registry into a Parquet file."""
    async with registry.session() as session:
        return await arrow.write_parquet(ecr.scan_images([session.service()]), path, **options)


def files_in(folder: Path) -> list[str]:
    return os.listdir(folder)


class TestReaders:
    async def test_duckdb_opens_it_in_one_line(self, tmp_path: Path) -> None:
        path = tmp_path / "images.parquet"
        await written(path, FakeRegistry(TEAMS))
        rows = duckdb.execute(
            f"SELECT repository, count(*), sum(size) FROM '{path}' GROUP BY 1 ORDER BY 1"
        ).fetchall()
        assert rows == [("team/api", 3, 3), ("team/web", 2500, sum(range(2500))), ("tools/lint", 1, 0)]

    async def test_polars_opens_it_in_one_line(self, tmp_path: Path) -> None:
        path = tmp_path / "images.parquet"
        await written(path, FakeRegistry(TEAMS))
        counts = polars.scan_parquet(path).group_by("repository").len().sort("repository").collect()
        assert counts.rows() == [("team/api", 3), ("team/web", 2500), ("tools/lint", 1)]


class TestSchema:
    async def test_a_row_has_what_ecr_reports_about_an_image(self, tmp_path: Path) -> None:
        pushed_at = datetime(2024, 2, 29, 12, 30, 15, tzinfo=UTC)
        text = manifest(b"layer")

        def requests() -> Iterator[Any]:
            yield ecr.CreateRepositoryRequest("team/app")
            yield ecr.PutImageRequest("team/app", text, image_tag="v1")
            yield ecr.PutImageRequest("team/app", text, image_tag="latest")

        path = tmp_path / "images.parquet"
        clock = pushed_at.timestamp
        async with (
            LocalECR(verify_layers=False, region="eu-west-1", clock=clock) as local,
            local.session() as session,
        ):
            await local.fill(requests())
            service = session.service()
            await arrow.write_parquet(ecr.scan_images([service]), path)
            response = await ecr.describe_images(service, ecr.DescribeImagesRequest("team/app"))
        (detail,) = response.image_details
        (row,) = pq.read_table(path).to_pylist()
        assert sorted(row.pop("tags")) == ["latest", "v1"]
        assert row == {
            "registry_id": "123456789012",
            "region": "eu-west-1",
            "repository": "team/app",
            "digest": detail.image_digest,
            "size": detail.image_size_in_bytes,
            "pushed_at": pushed_at,
            "pulled_at": None,
            "media_type": OCI_MANIFEST,
            "artifact_type": OCI_CONFIG,
            "subject": None,
            "status": "ACTIVE",
            "archived_at": None,
            "activated_at": None,
            "scan_status": None,
            "scanned_at": None,
            "findings": None,
        }

    def test_every_column_is_documented_with_its_type_and_whether_it_is_null(self) -> None:
        lines = (arrow.__doc__ or "").splitlines()
        first = next(number for number, line in enumerate(lines) if line.split()[:2] == ["column", "type"])
        documented = [
            re.split(r" {2,}", line.strip())[:3] for line in lines[first + 1 :][: len(arrow.SCHEMA)]
        ]
        assert documented == [
            [
                field.name,
                str(field.type).replace("tz=", "").replace("item: ", ""),
                "yes" if field.nullable else "no",
            ]
            for field in arrow.SCHEMA
        ]

    def test_the_guide_has_every_column_with_whether_it_is_null(self) -> None:
        guide = (ROOT / "docs" / "guide" / "bulk-scans.md").read_text()
        documented = re.findall(r"^\| `(\w+)` \| [\w ]+ \| (yes|no) \|", guide, re.MULTILINE)
        assert documented == [(field.name, "yes" if field.nullable else "no") for field in arrow.SCHEMA]

    async def test_json_lines_have_the_same_names_and_values(self, tmp_path: Path) -> None:
        async with FakeRegistry(TEAMS).session() as session:
            service = session.service()
            await arrow.write_parquet(ecr.scan_images(service), tmp_path / "images.parquet")
            await ecr.write_jsonl(ecr.scan_images(service), tmp_path / "images.jsonl")
        lines = [json.loads(line) for line in (tmp_path / "images.jsonl").read_text().splitlines()]
        table = pq.read_table(tmp_path / "images.parquet").to_pylist()
        assert list(lines[0]) == arrow.SCHEMA.names
        key = operator.itemgetter("digest")
        for line, row in zip(sorted(lines, key=key), sorted(table, key=key), strict=True):
            line["pushed_at"] = datetime.fromisoformat(line["pushed_at"])
            assert line == row

    async def test_a_file_of_no_images_has_the_schema_too(self, tmp_path: Path) -> None:
        path = tmp_path / "images.parquet"
        await written(path, FakeRegistry({"empty": 0}))
        table = pq.read_table(path)
        assert table.num_rows == 0
        assert table.schema.equals(arrow.SCHEMA)


class TestStreaming:
    async def test_a_batch_a_page(self) -> None:
        async with FakeRegistry(TEAMS).session() as session:
            scan = ecr.scan_images([session.service()])
            batches = [batch async for batch in arrow.record_batches(scan)]
        assert sorted(batch.num_rows for batch in batches) == [1, 3, 500, 1000, 1000]
        table = pa.Table.from_batches(batches, arrow.SCHEMA)
        assert len(set(table["digest"].to_pylist())) == IMAGES

    async def test_leaving_the_batches_early_ends_the_scan(self) -> None:
        registry = FakeRegistry({f"r{number}": 10 for number in range(100)})
        async with registry.session() as session:
            scan = ecr.scan_images([session.service()], page_size=5)
            async with aclosing(arrow.record_batches(scan)) as batches:
                await anext(batches)
            assert asyncio.all_tasks() == {asyncio.current_task()}

    async def test_rows_are_written_by_row_groups_before_the_end(self, tmp_path: Path) -> None:
        path = tmp_path / "images.parquet"
        await written(path, FakeRegistry({"team/web": 4500}), row_group=2000)
        metadata = pq.read_metadata(path)
        groups = [metadata.row_group(number).num_rows for number in range(metadata.num_row_groups)]
        assert groups == [2000, 2000, 500]

    async def test_failures_are_reported_and_the_rest_is_written(self, tmp_path: Path) -> None:
        def reject(operation: str, request: dict[str, Any]) -> str | None:
            return "AccessDeniedException" if request.get("repositoryName") == "team/api" else None

        path = tmp_path / "images.parquet"
        seen: list[ecr.ScanResult] = []
        summary = await written(path, FakeRegistry(TEAMS, on_call=reject), on_result=seen.append)
        (failed,) = [result for result in seen if isinstance(result, ecr.FailedRepository)]
        assert failed.repository == "team/api"
        assert (summary.failed, summary.images) == (1, IMAGES - 3)
        assert pq.read_metadata(path).num_rows == IMAGES - 3


class TestAtomicity:
    async def test_the_file_appears_at_the_end_and_replaces_what_was_there(self, tmp_path: Path) -> None:
        path = tmp_path / "images.parquet"
        path.write_text("of yesterday")
        seen: set[str] = set()

        def look(result: ecr.ScanResult) -> None:
            seen.add(path.read_text())

        await written(path, FakeRegistry(TEAMS), on_result=look, row_group=1000)
        assert seen == {"of yesterday"}
        assert pq.read_metadata(path).num_rows == IMAGES
        assert files_in(tmp_path) == [path.name]

    @pytest.mark.parametrize("row_group", [1, arrow.ROW_GROUP])
    async def test_an_interrupted_scan_leaves_nothing(self, tmp_path: Path, row_group: int) -> None:
        task: asyncio.Task[ecr.ScanSummary]

        def interrupt(result: ecr.ScanResult) -> None:
            if isinstance(result, ecr.ScannedPage) and result.number == 1:
                task.cancel()

        async with FakeRegistry({"team/web": 9000}).session() as session:
            scan = ecr.scan_images([session.service()])
            path = tmp_path / "images.parquet"
            writing = arrow.write_parquet(scan, path, on_result=interrupt, row_group=row_group)
            task = asyncio.create_task(writing)
            with pytest.raises(asyncio.CancelledError):
                await task
            assert asyncio.all_tasks() == {asyncio.current_task()}
        assert files_in(tmp_path) == []

    async def test_a_folder_that_is_not_there_is_the_systems_error(self, tmp_path: Path) -> None:
        with pytest.raises(FileNotFoundError):
            await written(tmp_path / "none" / "images.parquet", FakeRegistry(TEAMS))

    async def test_a_checkpoint_is_rejected_before_anything_is_called(self, tmp_path: Path) -> None:
        registry = FakeRegistry(TEAMS)
        async with registry.session() as session:
            scan = ecr.scan_images([session.service()], checkpoint=tmp_path / "checkpoint")
            with pytest.raises(ecr.ConfigurationError, match="checkpoint"):
                await arrow.write_parquet(scan, tmp_path / "images.parquet")
        assert registry.calls == []
        assert files_in(tmp_path) == []


def test_without_the_extra_one_sentence_says_how_to_get_it() -> None:
    program = (
        "import sys; sys.modules['pyarrow'] = None\n"
        "import ecr_async as ecr\n"
        "try: import ecr_async.arrow\n"
        "except ecr.MissingExtraError as error: print(isinstance(error, ImportError), error)"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert run.stdout == "True pyarrow is not installed; get it with: pip install 'ecr-async[arrow]'\n"

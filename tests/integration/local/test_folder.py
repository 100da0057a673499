"""The folder that a server keeps its state in."""

import contextlib
import os
import sqlite3
import stat
import tempfile
from collections.abc import Awaitable
from pathlib import Path

import aiohttp
import pytest

from ecr_async import api as ecr
from ecr_async.errors import ConfigurationError
from ecr_async.local import LocalECR
from ecr_async.service import Service
from tests.integration.local.content import begin_upload, create, digest_of, push, push_layer, send_part


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


async def test_everything_is_the_owners_alone(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    async with LocalECR(data=folder) as local, local.session() as session:
        await create(session.service())
        await push(session.service(), b"layer", "v1")
        await send_part(session.service(), await begin_upload(session.service()), 0, b"part")
        made = [folder, *folder.rglob("*")]
        assert {mode(path) for path in made if path.is_dir()} == {0o700}
        assert {mode(path) for path in made if path.is_file()} == {0o600}


async def test_a_folder_that_holds_other_things_keeps_its_own_mode(tmp_path: Path) -> None:
    os.chmod(tmp_path, 0o755)
    (tmp_path / "README").write_text("mine")
    async with LocalECR(data=tmp_path):
        assert mode(tmp_path) == 0o755
        assert mode(tmp_path / "ecr.sqlite") == 0o600


async def test_what_a_killed_server_left_is_removed_by_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without `data` the state is in a temporary folder, and nobody else would."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    async with LocalECR():
        (running,) = map(tmp_path.joinpath, os.listdir(tmp_path))
        long_ago = (running / "ecr.lock").stat().st_mtime - 3600
        os.utime(running / "ecr.lock", (long_ago, long_ago))
        killed, starting, other = (
            tmp_path / running.name.replace(running.name[-8:], each)
            for each in ("killed", "starting", "other")
        )
        for folder in (killed, starting, other):
            (folder / "layers").mkdir(parents=True)
        (killed / "ecr.lock").touch()
        os.utime(killed / "ecr.lock", (long_ago, long_ago))
        (starting / "ecr.lock").touch()
        async with LocalECR():
            assert running.exists()
            assert starting.exists()
            assert other.exists()
            assert not killed.exists()
    assert sorted(os.listdir(tmp_path)) == sorted([starting.name, other.name])


async def test_one_server_a_folder(tmp_path: Path) -> None:
    async with LocalECR(data=tmp_path):
        with pytest.raises(ConfigurationError, match="another embedded ECR uses the folder"):
            async with LocalECR(data=tmp_path):
                pass
    async with LocalECR(data=tmp_path):
        pass


@pytest.mark.parametrize("damage", [b"no database at all" * 100, b"SQLite format 3\0" + bytes(4080)])
async def test_a_damaged_database_is_a_sentence(tmp_path: Path, damage: bytes) -> None:
    (tmp_path / "ecr.sqlite").write_bytes(damage)
    with pytest.raises(ConfigurationError, match=r"ecr\.sqlite is damaged or is not a database"):
        async with LocalECR(data=tmp_path):
            pass


async def test_a_database_with_a_damaged_page_is_a_sentence(tmp_path: Path) -> None:
    async with LocalECR(data=tmp_path) as local, local.session() as session:
        for number in range(50):
            await create(session.service(), f"app-{number}")
    with (tmp_path / "ecr.sqlite").open("r+b") as file:
        file.seek(5000)
        file.write(os.urandom(3 * 4096))
    with pytest.raises(ConfigurationError, match="damaged"):
        async with LocalECR(data=tmp_path):
            pass


async def test_a_database_of_another_version_is_a_sentence(tmp_path: Path) -> None:
    db = sqlite3.connect(tmp_path / "ecr.sqlite")
    db.execute("CREATE TABLE repositories (name TEXT)")
    db.close()
    with pytest.raises(ConfigurationError, match="another version"):
        async with LocalECR(data=tmp_path):
            pass


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        ("DROP TABLE layers", "the table layers is missing"),
        ("ALTER TABLE images ADD COLUMN colour TEXT", "the table images has been altered"),
        ("DROP TRIGGER count_created", "the trigger count_created is missing"),
        ("DROP INDEX uploads_by_age", "the index uploads_by_age is missing"),
        ("UPDATE server SET secret = 5", "the server's secret has been altered"),
    ],
)
async def test_an_altered_database_is_a_sentence(tmp_path: Path, damage: str, words: str) -> None:
    async with LocalECR(data=tmp_path):
        pass
    with contextlib.closing(sqlite3.connect(tmp_path / "ecr.sqlite")) as db:
        db.execute("PRAGMA foreign_keys = OFF")
        db.execute(damage)
        db.commit()
    with pytest.raises(ConfigurationError, match=rf"ecr\.sqlite is damaged .*\({words}\)"):
        async with LocalECR(data=tmp_path):
            pass


@pytest.mark.parametrize("name", ["ecr.lock", "ecr.sqlite", "ecr.sqlite-wal", "layers", "uploads"])
async def test_a_symbolic_link_of_ours_is_not_followed(tmp_path: Path, name: str) -> None:
    folder, target = tmp_path / "data", tmp_path / "of-somebody-else"
    folder.mkdir()
    target.write_text("precious")
    (folder / name).symlink_to(target)
    with pytest.raises(ConfigurationError, match=rf"{name} is a symbolic link"):
        async with LocalECR(data=folder):
            pass
    assert target.read_text() == "precious"


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("file", "there is a file of that name"),
        ("file/below", "Not a directory"),
        ("blocked", "layers cannot be used as a folder: File exists"),
    ],
)
async def test_a_folder_that_cannot_be_used_is_a_sentence(tmp_path: Path, path: str, words: str) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "blocked").mkdir()
    (tmp_path / "blocked" / "layers").write_text("")
    with pytest.raises(ConfigurationError, match=words):
        async with LocalECR(data=tmp_path / path):
            pass


async def test_a_symbolic_link_is_not_a_layer(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(b"layer")
    async with LocalECR(data=tmp_path / "data") as local, local.session() as session:
        service = session.service()
        await create(service)
        await push(service, b"layer", "v1")
        request = ecr.GetDownloadUrlForLayerRequest("team/app", digest_of(b"layer"))
        url = (await ecr.get_download_url_for_layer(service, request)).download_url or ""
        [file] = (tmp_path / "data" / "layers").rglob(digest_of(b"layer").partition(":")[2])
        file.unlink()
        file.symlink_to(secret)
        async with aiohttp.ClientSession() as client, client.get(url) as response:
            assert response.status == 404


async def test_a_start_removes_what_a_crash_and_a_power_cut_have_left(tmp_path: Path) -> None:
    async with LocalECR(data=tmp_path) as local, local.session() as session:
        service = session.service()
        await create(service)
        kept, lost = await push_layer(service, b"kept"), await push_layer(service, b"lost")
        upload_id = await begin_upload(service)
        await send_part(service, upload_id, 0, b"part")
    layers, uploads = tmp_path / "layers" / "sha256", tmp_path / "uploads"
    (layers / "00").mkdir()
    (layers / "00" / ("0" * 64)).write_bytes(b"without a row")
    (uploads / "without-a-row").write_bytes(b"")
    (uploads / upload_id).unlink()
    next(iter(layers.rglob(lost.partition(":")[2]))).unlink()
    async with LocalECR(data=tmp_path) as local, local.session() as session:
        service = session.service()
        request = ecr.BatchCheckLayerAvailabilityRequest("team/app", [kept, lost])
        found = (await ecr.batch_check_layer_availability(service, request)).layers
        assert [layer.layer_availability for layer in found] == ["AVAILABLE", "UNAVAILABLE"]
        with pytest.raises(ecr.UploadNotFoundException):
            await send_part(service, upload_id, 4, b"more")
        assert await push_layer(service, b"lost") == lost
    assert [*uploads.iterdir()] == []
    assert not (layers / "00" / ("0" * 64)).exists()


@pytest.mark.parametrize("left", [None, b"", b"0123"], ids=["removed", "emptied", "cut off"])
@pytest.mark.parametrize("restarted", [False, True])
@pytest.mark.parametrize("next_call", ["part", "complete"])
async def test_an_upload_whose_file_is_lost_is_an_upload_no_more(
    tmp_path: Path, next_call: str, restarted: bool, left: bytes | None
) -> None:
    async with LocalECR(data=tmp_path) as local, local.session() as session:
        await create(session.service())
        upload_id = await begin_upload(session.service())
        await send_part(session.service(), upload_id, 0, b"0123456789")
        if not restarted:
            await lose_and_go_on(session.service(), tmp_path, upload_id, left, next_call)
    if restarted:
        async with LocalECR(data=tmp_path) as local, local.session() as session:
            await lose_and_go_on(session.service(), tmp_path, upload_id, left, next_call)


async def lose_and_go_on(
    service: Service, data: Path, upload_id: str, left: bytes | None, next_call: str
) -> None:
    """Damage an upload's file under the server, and see that the upload ends instead of holding zeros."""
    file = data / "uploads" / upload_id
    file.unlink()
    if left is not None:
        file.write_bytes(left)
    complete = ecr.CompleteLayerUploadRequest("team/app", upload_id, [digest_of(b"0123456789")])
    for _ in range(2):
        call: Awaitable[object] = (
            send_part(service, upload_id, 10, b"more")
            if next_call == "part"
            else ecr.complete_layer_upload(service, complete)
        )
        with pytest.raises(ecr.UploadNotFoundException):
            await call
    assert not file.exists()
    assert await push_layer(service, b"0123456789") == digest_of(b"0123456789")


async def test_a_layer_whose_file_is_lost_can_be_uploaded_again(tmp_path: Path) -> None:
    async with LocalECR(data=tmp_path) as local, local.session() as session:
        service = session.service()
        await create(service)
        await push(service, b"layer", "v1")
        [file] = (tmp_path / "layers").rglob(digest_of(b"layer").partition(":")[2])
        file.unlink()
        check = ecr.BatchCheckLayerAvailabilityRequest("team/app", [digest_of(b"layer")])
        [layer] = (await ecr.batch_check_layer_availability(service, check)).layers
        assert layer.layer_availability == "UNAVAILABLE"
        download = ecr.GetDownloadUrlForLayerRequest("team/app", digest_of(b"layer"))
        with pytest.raises(ecr.LayersNotFoundException):
            await ecr.get_download_url_for_layer(service, download)
        await push_layer(service, b"layer")
        [layer] = (await ecr.batch_check_layer_availability(service, check)).layers
        assert layer.layer_availability == "AVAILABLE"
        assert file.read_bytes() == b"layer"


async def test_what_is_abandoned_or_unused_is_freed_after_a_day(tmp_path: Path) -> None:
    now = [1_700_000_000.0]
    async with LocalECR(data=tmp_path, clock=lambda: now[0]) as local, local.session() as session:
        service = session.service()
        await create(service)
        await push(service, b"used", "v1")
        await push_layer(service, b"unused")
        await send_part(service, await begin_upload(service), 0, b"abandoned")
        now[0] += 24 * 3600
        await local.sweep()
        assert len([*(tmp_path / "layers").rglob("*")]) > 0
        digests = [digest_of(b"used"), digest_of(b"unused")]
        request = ecr.BatchCheckLayerAvailabilityRequest("team/app", digests)
        found = (await ecr.batch_check_layer_availability(service, request)).layers
        assert [layer.layer_availability for layer in found] == ["AVAILABLE", "AVAILABLE"]
        now[0] += 1
        await local.sweep()
        found = (await ecr.batch_check_layer_availability(service, request)).layers
        assert [layer.layer_availability for layer in found] == ["AVAILABLE", "UNAVAILABLE"]
        assert [*(tmp_path / "uploads").iterdir()] == []
        files = {path.name for path in (tmp_path / "layers").rglob("*") if path.is_file()}
        assert digest_of(b"unused").partition(":")[2] not in files
        delete = ecr.BatchDeleteImageRequest("team/app", [ecr.ImageIdentifier(image_tag="v1")])
        await ecr.batch_delete_image(service, delete)
        await local.sweep()  # the layers of a deleted image may be wanted again
        found = (await ecr.batch_check_layer_availability(service, request)).layers
        assert found[0].layer_availability == "AVAILABLE"

"""Layouts and archives as `push_image` reads them: an image or a typed error, and nothing written beside it.

An input is an archive's bytes, or in JSON the members that it is made of: names, kinds, links, sizes and what
is in them, so that mutations reach behind the archive's checksums.
"""

import base64
import io
import json
import tarfile
import tempfile
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any
from unittest import mock

from ecr_async.errors import ECRError
from ecr_async.transfer.contents import read_contents
from ecr_async.transfer.layouts.local_source import open_source
from tests.fuzz.folder import folder_of
from tests.fuzz.outcomes import LOOP, rejected
from tests.fuzz.target import Target
from tests.integration.transfer.layouts import (
    REF_NAME,
    artifact,
    files_of,
    image,
    index,
    write_docker_archive,
    write_layout,
)

__all__ = ["TARGETS"]

MOST_UNPACKED = 1 << 20
MADE = image(b"a layer", b"another one")
IMAGES = [
    ("v1", MADE),
    ("many", index({"linux/amd64": MADE, "linux/arm64": image(b"x")})),
    (None, artifact(MADE)),
]


@cache
def folder() -> Path:
    """Return the folder of this process, in which an archive lies and nothing else may appear."""
    made = folder_of("archives")
    (made / "temporary").mkdir()
    (made / "outside").write_text("nobody may read this")
    return made


async def _read(path: Path, reference: str | None) -> str:
    async with open_source(path, max_unpacked=MOST_UNPACKED) as source:
        contents = await read_contents(source, await source.find(reference), include_referrers=True)
        for blob in contents.blobs:
            found = source.blob(blob)
            assert found.extent.path.resolve().is_relative_to(path.parent.resolve())
            assert blob.size == found.extent.size
            await found.feed(0, blob.size, lambda _: None)
    return "index" if contents.indexes else "image"


def _tried(path: Path, reference: str | None) -> str:
    try:
        with mock.patch("tempfile.tempdir", str(folder() / "temporary")):
            return LOOP.run_until_complete(_read(path, reference))
    except ECRError as error:
        return rejected(error)
    finally:
        assert {each.name for each in folder().iterdir()} <= {"temporary", "outside", "a.tar", "layout"}
        assert not list((folder() / "temporary").iterdir())


def _archive(tried: bytes) -> str:
    path = folder() / "a.tar"
    path.write_bytes(_made_of(tried))
    return _tried(path, "v1" if len(tried) % 2 else None)


def _made_of(tried: bytes) -> bytes:
    try:
        members = json.loads(tried)
        content = io.BytesIO()
        with tarfile.open(fileobj=content, mode="w"):
            for member in members:
                data = base64.b64decode(member.get("content", ""))
                info = tarfile.TarInfo(member["name"])
                info.type = base64.b64decode(member.get("type", "MA=="))[:1]
                info.linkname = member.get("linkname", "")
                info.size = member.get("size", len(data))
                if info.size not in range(-1, 1 << 63):
                    raise ValueError("no archive can say so")
                info.pax_headers = member.get("pax", {})
                content.write(info.tobuf(tarfile.PAX_FORMAT if info.pax_headers else tarfile.GNU_FORMAT))
                content.write(data + bytes(-len(data) % tarfile.BLOCKSIZE))
        return content.getvalue()
    except (AttributeError, KeyError, TypeError, ValueError, OverflowError, RecursionError):
        return tried


def _described(files: Iterable[tuple[str, bytes]]) -> bytes:
    members: list[dict[str, Any]] = [
        {"name": name, "content": base64.b64encode(content).decode()} for name, content in files
    ]
    members += [
        {"name": "to", "type": base64.b64encode(tarfile.SYMTYPE).decode(), "linkname": "index.json"},
        {"name": "hard", "type": base64.b64encode(tarfile.LNKTYPE).decode(), "linkname": "oci-layout"},
        {"name": "long", "pax": {"path": "blobs/long", "size": "5"}, "content": "aGVsbG8="},
    ]
    return json.dumps(members).encode()


def _seeds() -> list[bytes]:
    with tempfile.TemporaryDirectory() as place:
        layout = write_layout(Path(place) / "layout", IMAGES)
        saved = write_docker_archive(Path(place) / "a.tar", [{"motd": b"hello"}], ["app:v1"])
        packed = write_docker_archive(Path(place) / "a.tar.gz", [{"motd": b"hello"}], ["app:v1"])
        with tarfile.open(saved) as tar:
            members = [(info.name, tar.extractfile(info).read()) for info in tar]  # type: ignore[union-attr]
        described = [_described(files_of(layout).items()), _described(members)]
        return [*described, *map(_made_of, described), packed.read_bytes()]


def _layout(tried: bytes) -> str:
    """Of an input the first byte says which file of a layout it replaces."""
    path, names = layout()
    name = path / (names[0] if tried[:1] in b"{[" else names[tried[0] % len(names)])
    before = name.read_bytes()
    name.write_bytes(tried)
    try:
        return _tried(path, "v1" if len(tried) % 2 else None)
    finally:
        name.write_bytes(before)


@cache
def layout() -> tuple[Path, list[str]]:
    """Return the layout of this process, and the names of its files."""
    path = write_layout(folder() / "layout", IMAGES)
    return path, ["index.json", *sorted(name for name in files_of(path) if name.startswith("blobs/"))]


ENTRIES = [made.descriptor(annotations={REF_NAME: tag}) if tag else made.descriptor() for tag, made in IMAGES]

TARGETS = [
    Target(
        "archive",
        _seeds(),
        _archive,
        words=[
            b"../",
            b"/etc/passwd",
            b"\0",
            b"ustar",
            b"0000000",
            b"\x80\xff",
            b"././@LongLink",
            b"MQ==",
            b"Mg==",
        ],
        share=8,
    ),
    Target(
        "layout",
        [json.dumps({"schemaVersion": 2, "manifests": ENTRIES}).encode(), b"a layer"],
        _layout,
        words=[b"../", b"sha256:", b'"size":7', MADE.digest.encode()],
        share=5,
    ),
]

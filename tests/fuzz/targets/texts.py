"""Small texts that people and programs write: image references, rate limits, the lines of a scan's file."""

import json

from ecr_async.errors import ConfigurationError, ValidationError
from ecr_async.local.http.behaviour import RateLimit
from ecr_async.oci.references import ImageReference
from ecr_async.report.reading import ScanFileError, read_rows
from tests.fuzz.folder import folder_of
from tests.fuzz.outcomes import rejected
from tests.fuzz.target import Target

__all__ = ["TARGETS"]

DIGEST = b"sha256:" + b"0" * 64
LINE = {
    "region": "eu-west-1",
    "repository": "team/app",
    "registry_id": "123456789012",
    "tags": ["v1"],
    "size": 12,
    "pushed_at": "2026-01-01T00:00:00Z",
    "findings": {"HIGH": 1},
}


def _reference(tried: bytes) -> str:
    try:
        found = ImageReference.parse(tried.decode(errors="surrogateescape"))
    except ValidationError as error:
        return rejected(error)
    assert ImageReference.parse(str(found)) == found
    return "ECR's" if found.registry else "another's"


def _rate(tried: bytes) -> str:
    try:
        found = RateLimit.parse(tried.decode(errors="surrogateescape"))
    except ConfigurationError as error:
        return rejected(error)
    assert found.rate > 0
    return "rate"


def _rows(tried: bytes) -> str:
    path = folder_of("texts") / "scan.jsonl"
    path.write_bytes(tried)
    try:
        return "rows" if list(read_rows(path)) else "nothing"
    except ScanFileError as error:
        return rejected(error)


TARGETS = [
    Target(
        "text reference",
        [
            b"123456789012.dkr.ecr.eu-west-1.amazonaws.com/team/app:v1@" + DIGEST,
            b"https://localhost:5000/a/b:c",
        ],
        _reference,
        words=[b"/", b":", b"@", b"[::1]", b"docker://", b".dkr.ecr.", "é".encode(), b"--" * 40],
    ),
    Target(
        "text rate", [b"20/s,burst=40", b"5/s"], _rate, words=[b"/", b",burst=", b"nan", b"inf", b"1e400"]
    ),
    Target(
        "text rows",
        [json.dumps(LINE).encode() + b"\n" + json.dumps({**LINE, "more": [1]}).encode() + b"\n"],
        _rows,
        words=[b"\n", b"{" * 2000, b"\xff"],
    ),
]

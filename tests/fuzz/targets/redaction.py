"""Texts that hold a secret: cleaned, they are texts, and hold it no more."""

from ecr_async._wire.redaction import SECRET_LENGTH_MIN, Redactor
from tests.fuzz.target import Target

__all__ = ["TARGET"]

SECRET = "IQoJb3JpZ2luX2VjEHMaCXVzLWVhc3QtMSJHMEUCIQDk+/=="
CLEAN = Redactor([SECRET])


def _cleaned(tried: bytes) -> str:
    cleaned = CLEAN.body(tried)
    parts = [SECRET[start : start + SECRET_LENGTH_MIN] for start in range(0, len(SECRET), SECRET_LENGTH_MIN)]
    assert not any(part.encode() in cleaned for part in parts if len(part) == SECRET_LENGTH_MIN)
    return "left alone" if cleaned == tried else "cleaned"


TARGET = Target(
    "redaction",
    [b"x-amz-security-token:%b\nhost:a" % SECRET.encode(), b'{"message": "%b"}' % SECRET.encode(), b"No."],
    _cleaned,
)

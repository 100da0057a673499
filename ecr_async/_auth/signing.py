"""Signature Version 4, for the one kind of request that this library makes: a POST of JSON.

Pure: no I/O and no clock; the time comes in with the call. Everything that stays the same from call
to call is computed once: the canonical path for an endpoint, the derived key for a day, and for each
second all but what the target and the body decide.

The steps, and their names, are those of
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
"""

import functools
import hmac
import time
from hashlib import sha256
from urllib.parse import quote

from multidict import istr

from ecr_async._auth.credentials import Credentials
from ecr_async._record import Record
from ecr_async._secret import Secret

__all__ = ["ALGORITHM", "CONTENT_TYPE", "Signer", "signature", "signing_key"]

ALGORITHM = "AWS4-HMAC-SHA256"
CONTENT_TYPE = "application/x-amz-json-1.1"


# Names of headers that aiohttp need not put into lower case for each request.
_AUTHORIZATION = istr("Authorization")
_CONTENT_TYPE = istr("Content-Type")
_DATE = istr("X-Amz-Date")
_SECURITY_TOKEN = istr("X-Amz-Security-Token")
_TARGET = istr("X-Amz-Target")


class Signer:
    """Signs the requests for one endpoint.

    `host` is the value of the Host header, `path` the URL's path as it is sent, `region` and `name` the
    signing region and name.
    """

    def __init__(self, host: str, path: str, region: str, name: str = "ecr") -> None:
        self._region = region
        self._name = name
        self._head = f"POST\n{_canonical_path(path)}\n\ncontent-type:{CONTENT_TYPE}\nhost:{host}\nx-amz-date:"
        self._day: str = ""
        self._secret: str = ""
        self._key = b""
        self._template: _Template | None = None

    def sign(self, target: str, body_sha256: str, credentials: Credentials, now: float) -> dict[str, str]:
        """Return the headers that authenticate a request made at `now`, in seconds since the epoch."""
        template = self._template
        if template is None or template.credentials is not credentials or template.second != int(now):
            template = self._template = self._template_for(credentials, int(now))
        canonical = f"{template.head}{target}{template.tail}{body_sha256}"
        signed = template.key.signature(canonical)
        headers = template.headers.copy()
        headers[_TARGET] = target
        headers[_AUTHORIZATION] = Secret(f"{template.authorization}{signed}")
        return headers

    def _template_for(self, credentials: Credentials, second: int) -> "_Template":
        timestamp = _timestamp(second)
        scope = f"{timestamp[:8]}/{self._region}/{self._name}/aws4_request"
        headers: dict[str, str] = {_CONTENT_TYPE: CONTENT_TYPE, _DATE: timestamp}
        head = f"{self._head}{timestamp}"
        names = "content-type;host;x-amz-date;x-amz-target"
        if credentials.session_token:
            headers[_SECURITY_TOKEN] = credentials.session_token
            head += f"\nx-amz-security-token:{' '.join(credentials.session_token.split())}"
            names = "content-type;host;x-amz-date;x-amz-security-token;x-amz-target"
        return _Template(
            credentials,
            second,
            headers,
            head=f"{head}\nx-amz-target:",
            tail=f"\n\n{names}\n",
            authorization=f"{ALGORITHM} Credential={credentials.access_key_id}/{scope}, "
            f"SignedHeaders={names}, Signature=",
            key=_Keyed(
                self._key_for(timestamp[:8], credentials.secret_access_key), _to_sign(timestamp, scope)
            ),
        )

    def _key_for(self, day: str, secret_key: str) -> bytes:
        if day != self._day or secret_key != self._secret:
            self._key = signing_key(secret_key, day, self._region, self._name)
            self._day, self._secret = day, secret_key
        return self._key


_INNER_PAD = bytes(byte ^ 0x36 for byte in range(256))
_OUTER_PAD = bytes(byte ^ 0x5C for byte in range(256))
"""What RFC 2104 makes of each byte of a key."""

_BLOCK_SIZE = sha256().block_size


class _Keyed:
    """HMAC-SHA256 (RFC 2104) with a key, of up to a block, already in it, and the beginning of a message.

    The key and the beginning sign the requests of a second, and copying the two halves costs a third of what
    `hmac` takes to set them up.
    """

    __slots__ = ("_inner", "_outer")

    def __init__(self, key: bytes, beginning: bytes) -> None:
        block = key.ljust(_BLOCK_SIZE, b"\0")
        self._inner = sha256(block.translate(_INNER_PAD) + beginning)
        self._outer = sha256(block.translate(_OUTER_PAD))

    def signature(self, canonical_request: str) -> str:
        """Return the hexadecimal HMAC of a message that ends with the request's digest."""
        inner, outer = self._inner.copy(), self._outer.copy()
        inner.update(sha256(canonical_request.encode()).hexdigest().encode())
        outer.update(inner.digest())
        return outer.hexdigest()


class _Template(Record):
    """What the requests of one second have in common."""

    credentials: Credentials
    second: int
    headers: dict[str, str]
    head: str
    """The canonical request up to the target."""
    tail: str
    """And from there to the body's digest."""
    authorization: str
    """The Authorization header up to the signature."""
    key: _Keyed
    """The signing key, the string to sign in it up to the canonical request's digest."""


@functools.lru_cache(maxsize=8)
def _timestamp(second: int) -> str:
    """Return the time as signatures have it; the signers of many services need the same second's."""
    return time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(second))


@functools.lru_cache(maxsize=64)
def _canonical_path(path: str) -> str:
    """Return the path without empty, `.` and `..` segments, and escaped once more than it is sent."""
    segments: list[str] = []
    for segment in path.split("/"):
        if segment == "..":
            del segments[-1:]
        elif segment not in ("", "."):
            segments.append(segment)
    end = "/" if segments and path.endswith("/") else ""
    return quote(f"/{'/'.join(segments)}{end}", safe="/~")


def signing_key(secret_key: str, day: str, region: str, name: str) -> bytes:
    """Return the key that signs one day's requests to one service in one region."""
    key = f"AWS4{secret_key}".encode()
    for part in (day, region, name, "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    return key


def signature(key: bytes, timestamp: str, scope: str, canonical_request: str) -> str:
    """Return the hexadecimal signature of a canonical request."""
    return _Keyed(key, _to_sign(timestamp, scope)).signature(canonical_request)


def _to_sign(timestamp: str, scope: str) -> bytes:
    """Return the string to sign up to the canonical request's digest, which ends it."""
    return f"{ALGORITHM}\n{timestamp}\n{scope}\n".encode()

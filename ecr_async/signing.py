"""Signature Version 4, for the one kind of request that this library makes: a POST of JSON.

Pure: no I/O and no clock; the time comes in with the call. Everything that stays the same from call
to call is computed once: the canonical path, the credential scope of the day, the derived key.

The steps, and their names, are those of
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
"""

import hmac
import time
from collections.abc import Mapping
from functools import lru_cache
from hashlib import sha256
from urllib.parse import quote

from ecr_async.credentials import Credentials

__all__ = ["ALGORITHM", "CONTENT_TYPE", "Signer", "signature", "signing_key", "without_secrets"]

ALGORITHM = "AWS4-HMAC-SHA256"
CONTENT_TYPE = "application/x-amz-json-1.1"


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
        self._scope: str = ""
        self._key = b""

    def sign(self, target: str, body_sha256: str, credentials: Credentials, now: float) -> dict[str, str]:
        """Return the headers that authenticate a request made at `now`, in seconds since the epoch."""
        timestamp = _timestamp(int(now))
        if not credentials.session_token:
            token = ""
            names = "content-type;host;x-amz-date;x-amz-target"
        else:
            token = f"\nx-amz-security-token:{' '.join(credentials.session_token.split())}"
            names = "content-type;host;x-amz-date;x-amz-security-token;x-amz-target"
        canonical = f"{self._head}{timestamp}{token}\nx-amz-target:{target}\n\n{names}\n{body_sha256}"
        key = self._key_for(timestamp[:8], credentials.secret_key)
        signed = signature(key, timestamp, self._scope, canonical)
        headers = {
            "Content-Type": CONTENT_TYPE,
            "X-Amz-Date": timestamp,
            "X-Amz-Target": target,
            "Authorization": f"{ALGORITHM} Credential={credentials.access_key}/{self._scope}, "
            f"SignedHeaders={names}, Signature={signed}",
        }
        if credentials.session_token:
            headers["X-Amz-Security-Token"] = credentials.session_token
        return headers

    def _key_for(self, day: str, secret_key: str) -> bytes:
        if day != self._day or secret_key != self._secret:
            self._key = signing_key(secret_key, day, self._region, self._name)
            self._scope = f"{day}/{self._region}/{self._name}/aws4_request"
            self._day, self._secret = day, secret_key
        return self._key


@lru_cache(maxsize=4)
def _timestamp(second: int) -> str:
    return time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(second))


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
    digest = sha256(canonical_request.encode()).hexdigest()
    return _keyed(key).hexdigest(f"{ALGORITHM}\n{timestamp}\n{scope}\n{digest}".encode())


class _Keyed:
    """HMAC-SHA256 (RFC 2104) with a key, of up to a block, already in it.

    A day's key signs many requests, and copying the two halves costs a third of what `hmac` takes to set
    them up.
    """

    def __init__(self, key: bytes) -> None:
        block = key.ljust(sha256().block_size, b"\0")
        self._inner = sha256(bytes(byte ^ 0x36 for byte in block))
        self._outer = sha256(bytes(byte ^ 0x5C for byte in block))

    def hexdigest(self, message: bytes) -> str:
        inner, outer = self._inner.copy(), self._outer.copy()
        inner.update(message)
        outer.update(inner.digest())
        return outer.hexdigest()


_keyed = lru_cache(maxsize=64)(_Keyed)


def without_secrets(body: bytes, headers: Mapping[str, str]) -> bytes:
    """Return an answer's body without the signature and the session token of the request's headers.

    The service repeats a canonical request whose signature it does not accept, and a proxy's page may
    repeat any header. JSON may write a slash with a backslash before it.
    """
    for secret in (headers["Authorization"].rpartition("=")[2], headers.get("X-Amz-Security-Token")):
        if secret:
            body = body.replace(secret.encode(), b"***").replace(secret.replace("/", "\\/").encode(), b"***")
    return body

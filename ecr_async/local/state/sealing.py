"""Tokens that only this server could have made: of pages, of downloads, of authorization."""

import base64
import binascii
import hmac
from typing import Any

import msgspec

__all__ = ["Sealer"]

MAC_SIZE = 16


class Sealer:
    """Turns a value into an opaque text, and a text of its own making back into the value."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def seal(self, purpose: str, value: Any) -> str:
        """Return a text that `open` accepts for the same purpose only. The value is not hidden in it."""
        payload = msgspec.json.encode(value)
        return base64.urlsafe_b64encode(self._mac(purpose, payload) + payload).decode()

    def open(self, purpose: str, text: str) -> Any:
        """Return the sealed value; raises `ValueError` for a text that was not sealed for this purpose."""
        try:
            sealed = base64.b64decode(text, altchars=b"-_", validate=True)
        except (binascii.Error, UnicodeEncodeError):
            raise ValueError("not a sealed text") from None
        mac, payload = sealed[:MAC_SIZE], sealed[MAC_SIZE:]
        if not hmac.compare_digest(mac, self._mac(purpose, payload)):
            raise ValueError("not sealed here, or for another purpose")
        return msgspec.json.decode(payload)

    def _mac(self, purpose: str, payload: bytes) -> bytes:
        return hmac.digest(self._secret, purpose.encode() + b"\0" + payload, "sha256")[:MAC_SIZE]

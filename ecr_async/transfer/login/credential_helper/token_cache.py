"""Logins kept on disk between two runs of the helper, each in a file of its own that nobody else can read.

A login that has expired, or is about to, is never handed out, even if no other can be had
(https://github.com/awslabs/amazon-ecr-credential-helper/issues/679).
"""

import os
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from pathlib import Path

import msgspec

from ecr_async._files.replacing import replace_file
from ecr_async._record import Record
from ecr_async.transfer.login.registry_credentials import MARGIN, RegistryCredentials

__all__ = ["TokenCache", "cache_folder"]


class _Kept(Record):
    username: str
    password: str
    endpoint: str
    expires_at: datetime


def cache_folder() -> Path:
    """Return `$XDG_CACHE_HOME/ecr-async/logins`, or the same in `~/.cache`."""
    home = os.environ.get("XDG_CACHE_HOME")
    return (Path(home) if home else Path.home() / ".cache") / "ecr-async" / "logins"


class TokenCache:
    """The files in a folder, one for each identity and registry. `now` gives seconds since the epoch."""

    def __init__(self, folder: Path, now: Callable[[], float]) -> None:
        self._folder = folder
        self._now = now

    def read(self, identity: str, host: str) -> RegistryCredentials | None:
        """Return a login that is still good; None if there is none, or if others could have written it."""
        path = self._path(identity, host)
        try:
            fd = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0))
            with os.fdopen(fd, "rb") as file:
                status = os.fstat(fd)
                if hasattr(os, "getuid") and (status.st_uid != os.getuid() or status.st_mode & 0o077):
                    return None
                kept = msgspec.json.decode(file.read(64 * 1024), type=_Kept)
        except (OSError, RecursionError, msgspec.DecodeError, UnicodeError):
            return None
        if kept.expires_at.tzinfo is None or kept.expires_at.timestamp() - MARGIN <= self._now():
            return None
        return RegistryCredentials(kept.username, kept.password, kept.endpoint, kept.expires_at)

    def write(self, identity: str, host: str, login: RegistryCredentials) -> None:
        """Keep a login. A folder that cannot be written means only that nothing is kept."""
        path = self._path(identity, host)
        kept = _Kept(login.username, login.password, login.endpoint, login.expires_at)
        with suppress(OSError):
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            replace_file(path, msgspec.json.encode(kept), is_private=True)

    def remove(self, host: str) -> None:
        """Forget every identity's logins for a registry."""
        with suppress(OSError):
            for path in self._folder.glob(f"*-{_file_name(host)}"):
                path.unlink(missing_ok=True)

    def hosts(self) -> list[str]:
        """Return the registries that there are logins for, good or not."""
        return sorted({_host(path.name) for path in self._folder.glob("*-*.json")})

    def _path(self, identity: str, host: str) -> Path:
        return self._folder / f"{identity}-{_file_name(host)}"


def _file_name(host: str) -> str:
    return host.replace(":", "_") + ".json"


def _host(file_name: str) -> str:
    return file_name.partition("-")[2].removesuffix(".json").replace("_", ":")

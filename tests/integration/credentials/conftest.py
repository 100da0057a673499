"""An environment that knows nothing of the machine's own credentials, and servers that hand out others.

The servers run on the test's own event loop. A provider that blocked the loop would wait for a response
that can't come, so each test here is also one that resolving leaves the loop free.
"""

import os
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeAlias

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from tests.integration.credentials.servers import Serve

Write: TypeAlias = Callable[[str], None]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home directory, in an environment without a word about AWS or proxies."""
    for variable in list(os.environ):
        if variable.startswith("AWS_") or variable.lower().endswith("_proxy"):
            monkeypatch.delenv(variable)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    (tmp_path / ".aws").mkdir()
    return tmp_path


@pytest.fixture
def write_config(home: Path) -> Write:
    """Writes the shared config file."""

    def write(text: str) -> None:
        (home / ".aws" / "config").write_text(text)

    return write


@pytest.fixture
def write_credentials(home: Path) -> Write:
    """Writes the shared credentials file."""

    def write(text: str) -> None:
        (home / ".aws" / "credentials").write_text(text)

    return write


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    """Serves an application on loopback until the test ends, and gives its URL."""
    servers: list[TestServer] = []

    async def start(application: web.Application) -> str:
        server = TestServer(application)
        servers.append(server)
        await server.start_server()
        return str(server.make_url("/"))

    yield start
    for server in servers:
        await server.close()


@pytest.fixture
def sts(moto: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """Has the chain call moto's STS."""
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", moto)
    return moto


@pytest.fixture
def expiration() -> datetime:
    """Six hours ahead, in whole seconds."""
    return datetime.now(UTC).replace(microsecond=0) + timedelta(hours=6)

"""What tests of transfers share: a state folder of their own, and a repository."""

from pathlib import Path

import pytest

from ecr_async.service import Service
from tests.integration.local.content import create


@pytest.fixture(autouse=True)
def state(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where unfinished uploads are noted."""
    folder = tmp_path_factory.mktemp("state")
    monkeypatch.setenv("XDG_STATE_HOME", str(folder))
    return folder


@pytest.fixture
async def repository(service: Service) -> str:
    return await create(service)

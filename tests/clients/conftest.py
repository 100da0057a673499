"""What clients need: a login, and an image that isn't ours."""

import json
from pathlib import Path

import pytest

from ecr_async import api as ecr
from ecr_async.local import LocalECR
from ecr_async.service import Service
from tests.clients.processes import Command
from tests.integration.local.content import create


@pytest.fixture
async def token(service: Service) -> str:
    """What GetAuthorizationToken gives: the user and the password in base64."""
    response = await ecr.get_authorization_token(service, ecr.GetAuthorizationTokenRequest())
    found = response.authorization_data[0].authorization_token
    assert found is not None
    return found


@pytest.fixture
def registry(local: LocalECR) -> str:
    """What references to images begin with."""
    return f"localhost:{local.url.port}"


@pytest.fixture
async def login(token: str, registry: str, tmp_path: Path) -> Path:
    """A file that container tools find the login in."""
    file = tmp_path / "auth.json"
    file.write_text(json.dumps({"auths": {registry: {"auth": token}}}))
    return file


@pytest.fixture
async def repository(service: Service) -> str:
    return await create(service)


@pytest.fixture
async def layout(tmp_path: Path) -> Path:
    """An OCI layout with an image of two layers under the tag `v1`, made by umoci."""
    umoci, layout = Command(("umoci",), {}), tmp_path / "layout"
    await umoci("init", "--layout", layout)
    await umoci("new", "--image", f"{layout}:v1")
    for name in ("first", "second"):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "content").write_text(name * 1000)
        await umoci("insert", "--image", f"{layout}:v1", folder, f"/{name}")
    return layout

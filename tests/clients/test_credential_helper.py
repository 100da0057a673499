"""`docker-credential-ecr-async` as container tools call it: no login, and a registry by its own name."""

import json
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

import ecr_async as ecr
from ecr_async.local import LocalECR
from tests.clients.processes import Command, needs
from tests.integration.subprocesses import environment

pytestmark = needs("skopeo", "umoci", "podman", "buildah")


@pytest.fixture
def host(local: LocalECR) -> str:
    """The registry's name, as `repositoryUri` has it with `uri_style="host"`."""
    return f"123456789012.dkr.ecr.us-east-1.localhost:{local.url.port}"


@pytest.fixture
def env(local: LocalECR, host: str, tmp_path: Path) -> Mapping[str, str]:
    """What tools need to find the helper, and the registry's address without DNS: by way of a proxy."""
    auth = tmp_path / "auth.json"
    auth.write_text(json.dumps({"credHelpers": {host: "ecr-async"}}))
    mapping = tmp_path / "registries.toml"
    mapping.write_text(
        f"""
        [[registry]]
        match = "*.dkr.ecr.us-east-1.localhost:*"
        access_key_id = "{local.access_key_id}"
        secret_access_key = "{local.secret_access_key}"
        endpoint_url = "http://127.0.0.1:{local.url.port}"
        """
    )
    helpers = Path(sys.executable).parent
    return environment(
        ECR_ASYNC_REGISTRIES=str(mapping),
        HOME=str(tmp_path),
        XDG_CACHE_HOME=str(tmp_path / "cache"),
        REGISTRY_AUTH_FILE=str(auth),
        HTTP_PROXY=f"http://127.0.0.1:{local.url.port}",
        NO_PROXY="127.0.0.1",
        PATH=f"{helpers}:{environment()['PATH']}",
    )


async def test_skopeo(
    local: LocalECR,
    service: ecr.Service,
    repository: str,
    host: str,
    env: Mapping[str, str],
    layout: Path,
    tmp_path: Path,
) -> None:
    skopeo = Command(("skopeo", "--tmpdir", tmp_path), env)
    image = f"docker://{host}/{repository}:v1"
    await skopeo("copy", "--dest-tls-verify=false", f"oci:{layout}:v1", image)
    inspected = json.loads(await skopeo("inspect", "--tls-verify=false", image))
    found = await ecr.describe_images(service, ecr.DescribeImagesRequest(repository))
    assert [each.image_digest for each in found.image_details] == [inspected["Digest"]]
    assert not (tmp_path / "cache").exists()  # the next embedded ECR on this port would not know the login


@pytest.fixture
def container_tool(env: Mapping[str, str], tmp_path: Path) -> Iterator[Callable[[str], Command]]:
    """podman or buildah, with a storage of its own."""
    with TemporaryDirectory(prefix="podman") as run:  # whose name must be shorter than that of tmp_path
        storage = ("--root", tmp_path / "storage", "--runroot", run, "--storage-driver", "vfs")
        yield lambda name: Command((name, *storage), env)


@pytest.mark.parametrize("tool", ["podman", "buildah"])
async def test_what_we_pushed_is_pulled(
    service: ecr.Service,
    repository: str,
    host: str,
    container_tool: Callable[[str], Command],
    layout: Path,
    tool: str,
) -> None:
    pushed = await ecr.push_image(service, layout, repository, tags=["v1"], resume=False)
    command = container_tool(tool)
    image = f"{host}/{repository}:v1"
    await command("pull", "-q", "--tls-verify=false", image)
    inspect = (
        ("inspect", "--format", "{{.Digest}}")
        if tool == "podman"
        else ("inspect", "--type", "image", "--format", "{{.FromImageDigest}}")
    )
    assert (await command(*inspect, image)).strip() == pushed.digest

"""Other clients' images in, and ours out to them: umoci, skopeo and tar."""

import asyncio
import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest

import ecr_async as ecr
from ecr_async.local import LocalECR
from tests.integration.transfer.layouts import artifact, files_of, image, index, noise, pack, write_layout

CLIENTS = ("skopeo", "umoci")
pytestmark = pytest.mark.skipif(
    not all(map(shutil.which, CLIENTS)), reason=f"{' and '.join(CLIENTS)} are not installed"
)


async def sh(*command: str | Path, env: Mapping[str, str] | None = None) -> str:
    process = await asyncio.create_subprocess_exec(
        *command,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env={**os.environ, **(env or {})},
    )
    out, _ = await process.communicate()
    assert process.returncode == 0, out.decode()
    return out.decode()


def blobs(layout: Path) -> dict[str, bytes]:
    return {name: content for name, content in files_of(layout).items() if name.startswith("blobs/sha256/")}


@pytest.fixture
async def skopeo(service: ecr.Service, local: LocalECR) -> tuple[str, ...]:
    """The options with which skopeo reaches the embedded ECR, and its host last."""
    login = await ecr.registry_credentials(service)
    return f"{login.username}:{login.password}", str(local.url.authority)


@pytest.fixture
async def built(tmp_path: Path) -> Path:
    """A layout with an image that umoci built."""
    layout, bundle = tmp_path / "umoci", tmp_path / "bundle"
    await sh("umoci", "init", "--layout", layout)
    await sh("umoci", "new", "--image", f"{layout}:v1")
    for number in range(2):
        await sh("umoci", "unpack", "--rootless", "--image", f"{layout}:v1", bundle)
        (bundle / "rootfs" / f"file{number}").write_bytes(noise(50_000, number))
        await sh("umoci", "repack", "--image", f"{layout}:v1", bundle)
        shutil.rmtree(bundle)
    await sh("umoci", "gc", "--layout", layout)
    return layout


async def test_umoci_in_and_skopeo_out(
    service: ecr.Service, repository: str, skopeo: tuple[str, ...], built: Path, tmp_path: Path
) -> None:
    await ecr.push_image(service, built, repository, tags=["v1"])
    login, host = skopeo
    options = "--src-creds", login, "--src-tls-verify=false"
    out = tmp_path / "skopeo"
    await sh("skopeo", "copy", *options, f"docker://{host}/{repository}:v1", f"oci:{out}:v1")
    assert blobs(out) == blobs(built)


async def test_skopeo_in_and_umoci_out(
    service: ecr.Service, repository: str, skopeo: tuple[str, ...], built: Path, tmp_path: Path
) -> None:
    login, host = skopeo
    options = "--dest-creds", login, "--dest-tls-verify=false"
    await sh("skopeo", "copy", *options, f"oci:{built}:v1", f"docker://{host}/{repository}:v1")
    for out in (tmp_path / "out", tmp_path / "out.tar"):
        await ecr.pull_image(service, repository, "v1", out)
    assert blobs(tmp_path / "out") == blobs(built)
    await sh("umoci", "unpack", "--rootless", "--image", f"{tmp_path / 'out'}:v1", tmp_path / "bundle")
    assert (tmp_path / "bundle" / "rootfs" / "file1").read_bytes() == noise(50_000, 1)
    await sh("skopeo", "copy", f"oci-archive:{tmp_path / 'out.tar'}:v1", f"oci:{tmp_path / 'again'}:v1")
    assert blobs(tmp_path / "again") == blobs(built)


async def test_several_platforms_and_an_artifact(
    service: ecr.Service, repository: str, skopeo: tuple[str, ...], tmp_path: Path
) -> None:
    login, host = skopeo
    amd, arm = image(noise(3000, 1)), image(noise(3000, 2), architecture="arm64")
    both = index({"linux/amd64": amd, "linux/arm64": arm})
    signature = artifact(both)
    source = write_layout(tmp_path / "in", [("v1", both), (None, signature)])
    await ecr.push_image(service, pack(source, tmp_path / "in.tar", "w:gz"), repository, tags=["v1"])
    options = "--src-creds", login, "--src-tls-verify=false", "--all"
    for reference, made in ((":v1", both), (f"@{signature.digest}", signature)):
        out = tmp_path / made.digest[7:]
        await sh("skopeo", "copy", *options, f"docker://{host}/{repository}{reference}", f"dir:{out}")
        found = files_of(out)
        assert found.pop("manifest.json") == made.content
        assert {name.partition(".")[0]: found[name] for name in found if name != "version"} == {
            digest[7:]: content for digest, content in made.blobs.items()
        }


async def test_several_platforms_and_an_artifact_the_other_way_round(
    service: ecr.Service, repository: str, skopeo: tuple[str, ...], tmp_path: Path
) -> None:
    login, host = skopeo
    amd, arm = image(noise(3000, 1)), image(noise(3000, 2), architecture="arm64")
    both = index({"linux/amd64": amd, "linux/arm64": arm})
    source = write_layout(tmp_path / "in", [("v1", both), ("signature", artifact(both))])
    options = "--dest-creds", login, "--dest-tls-verify=false", "--all", "--preserve-digests"
    for tag in ("v1", "signature"):
        await sh("skopeo", "copy", *options, f"oci:{source}:{tag}", f"docker://{host}/{repository}:{tag}")
    pulled = await ecr.pull_image(service, repository, "v1", tmp_path / "out", include_referrers=True)
    assert set(pulled.manifests) == {amd.digest, arm.digest, both.digest, artifact(both).digest}
    assert blobs(tmp_path / "out") == blobs(source)


async def test_the_login_is_what_skopeo_takes(
    service: ecr.Service, repository: str, local: LocalECR, built: Path, tmp_path: Path
) -> None:
    """A file that `ecr-async login` writes, and an image that skopeo finds with it."""
    from ecr_async.transfer.login.docker_config import save_login

    await ecr.push_image(service, built, repository, tags=["v1"])
    login = await ecr.registry_credentials(service)
    file = tmp_path / "auth.json"
    await asyncio.to_thread(save_login, file, login)
    image = f"docker://{login.host}/{repository}:v1"
    out = await sh("skopeo", "inspect", "--authfile", file, "--tls-verify=false", image)
    assert json.loads(out)["Digest"].startswith("sha256:")

"""skopeo: copies in and out with equal digests, lists, inspects, deletes and syncs."""

import base64
import json
from pathlib import Path

import pytest

from ecr_async import api as ecr
from ecr_async.local import LocalECR
from ecr_async.oci.media_types import OCI_MANIFEST
from ecr_async.service import Service
from tests.clients.processes import Command, needs
from tests.integration.local.content import create

pytestmark = needs("skopeo", "umoci")


@pytest.fixture
def skopeo(tmp_path: Path) -> Command:
    return Command(("skopeo", "--tmpdir", tmp_path), {"HOME": str(tmp_path)})


def insecure(login: Path, *sides: str) -> list[str]:
    """Return the options for a registry without TLS; for one side of a copy or for the only registry."""
    if not sides:
        return ["--tls-verify=false", "--authfile", str(login)]
    return [*(f"--{side}-tls-verify=false" for side in sides), "--authfile", str(login)]


def digest_in(layout: Path) -> str:
    [manifest] = json.loads((layout / "index.json").read_text())["manifests"]
    return str(manifest["digest"])


@pytest.mark.usefixtures("repository")
@pytest.mark.parametrize("path", ["team/app", "123456789012/us-east-1/team/app"])
async def test_copy_in_and_out_keeps_every_byte(
    skopeo: Command, registry: str, login: Path, layout: Path, tmp_path: Path, path: str, service: Service
) -> None:
    image = f"docker://{registry}/{path}:v1"
    await skopeo("copy", *insecure(login, "dest"), f"oci:{layout}:v1", image)
    copied = tmp_path / "copied"
    await skopeo("copy", *insecure(login, "src"), image, f"oci:{copied}:v1")
    assert digest_in(copied) == digest_in(layout)
    blobs = [{file.name for file in (each / "blobs" / "sha256").iterdir()} for each in (copied, layout)]
    assert blobs[0] <= blobs[1]
    found = await ecr.describe_images(service, ecr.DescribeImagesRequest("team/app"))
    assert [(one.image_digest, one.image_tags) for one in found.image_details] == [
        (digest_in(layout), ("v1",))
    ]


@pytest.mark.usefixtures("repository")
async def test_inspect_list_tags_and_delete(
    skopeo: Command, registry: str, login: Path, layout: Path
) -> None:
    image = f"docker://{registry}/team/app"
    for tag in ("v1", "v2"):
        await skopeo("copy", *insecure(login, "dest"), f"oci:{layout}:v1", f"{image}:{tag}")
    inspected = json.loads(await skopeo("inspect", *insecure(login), f"{image}:v1"))
    assert (inspected["Digest"], inspected["RepoTags"]) == (digest_in(layout), ["v1", "v2"])
    listed = json.loads(await skopeo("list-tags", *insecure(login), image))
    assert listed["Tags"] == ["v1", "v2"]
    await skopeo("delete", *insecure(login), f"{image}:v1")
    err = await skopeo("inspect", *insecure(login), f"{image}:v2", check=False)
    assert "manifest unknown" in err, "skopeo deletes by digest, so every tag is gone"


async def test_without_a_login_it_says_so(skopeo: Command, registry: str) -> None:
    err = await skopeo("inspect", "--tls-verify=false", f"docker://{registry}/team/app:v1", check=False)
    assert "unauthorized" in err


@pytest.mark.usefixtures("repository")
async def test_login_takes_the_password_of_get_authorization_token(
    skopeo: Command, registry: str, login: Path, tmp_path: Path, token: str
) -> None:
    password = base64.b64decode(token).decode().partition(":")[2]
    made = tmp_path / "made.json"
    await skopeo(
        "login",
        "--tls-verify=false",
        "--authfile",
        made,
        "-u",
        "AWS",
        "--password-stdin",
        registry,
        text=password,
    )
    assert json.loads(made.read_text())["auths"].keys() == {registry}


async def test_sync_of_fifty_images(
    skopeo: Command, registry: str, login: Path, layout: Path, tmp_path: Path, service: Service
) -> None:
    await create(service, "team/app")
    await create(service, "mirror/app")
    image = f"docker://{registry}/team/app"
    await skopeo("copy", *insecure(login, "dest"), f"oci:{layout}:v1", f"{image}:v1")
    got = await ecr.batch_get_image(
        service, ecr.BatchGetImageRequest("team/app", [ecr.ImageIdentifier(image_tag="v1")])
    )
    document = json.loads(got.images[0].image_manifest or "")
    for number in range(2, 51):
        text = json.dumps({**document, "annotations": {"number": str(number)}})
        request = ecr.PutImageRequest(
            "team/app", text, image_manifest_media_type=OCI_MANIFEST, image_tag=f"v{number}"
        )
        await ecr.put_image(service, request)
    await skopeo(
        "sync", *insecure(login, "src", "dest"), "--src", "docker", "--dest", "docker",
        f"{registry}/team/app", f"{registry}/mirror",
    )  # fmt: skip
    tags = json.loads(await skopeo("list-tags", *insecure(login), f"docker://{registry}/mirror/app"))["Tags"]
    assert set(tags) == {f"v{number}" for number in range(1, 51)}


async def test_tls_with_the_certificate_that_the_server_made(
    skopeo: Command, layout: Path, tmp_path: Path
) -> None:
    async with LocalECR(tls=True) as local, local.session() as session:
        service = session.service()
        await create(service)
        response = await ecr.get_authorization_token(service, ecr.GetAuthorizationTokenRequest())
        registry, login = f"localhost:{local.url.port}", tmp_path / "tls.json"
        auth = {"auth": response.authorization_data[0].authorization_token}
        login.write_text(json.dumps({"auths": {registry: auth}}))
        trusted = tmp_path / "trusted"
        trusted.mkdir()
        assert local.ca_certificate is not None
        (trusted / "ca.crt").write_bytes(local.ca_certificate.read_bytes())
        image = f"docker://{registry}/team/app:v1"
        await skopeo("copy", "--authfile", login, "--dest-cert-dir", trusted, f"oci:{layout}:v1", image)
        err = await skopeo("inspect", "--authfile", login, image, check=False)
        assert "certificate" in err

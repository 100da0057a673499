"""What is wrong is said before anything is sent, and in words that name it."""

from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest

import ecr_async as ecr
from ecr_async.local import Fault, LocalECR
from tests.integration.local.content import create
from tests.integration.transfer.layouts import image, noise, write_layout
from tests.integration.transfer.proxy import Proxy, proxied

MADE, OTHER = image(noise(300, 1)), image(noise(300, 2))
DIGEST = "sha256:" + "0" * 64


@pytest.fixture
async def proxy(local: LocalECR) -> AsyncIterator[Proxy]:
    async with proxied(Proxy(local.endpoint_url)) as proxy:
        yield proxy


@pytest.fixture
def layout(tmp_path: Path) -> Path:
    return write_layout(tmp_path / "in", [("v1", MADE)])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"tags": ["v1", "a b"]}, r"tags\[1\]: must be a tag: .*, not 'a b'"),
        ({"tags": [""]}, r"tags\[0\]: must be a tag"),
        ({"tags": ["-v1"]}, r"tags\[0\]: must be a tag"),
        ({"tags": [DIGEST]}, r"tags\[0\]: must be a tag"),
        ({"tags": ["team/app:v1"]}, r"tags\[0\]: must be a tag"),
        ({"tags": ["v" * 301]}, r"tags\[0\]: must be a tag"),
        ({"tags": ["v1\n"]}, r"tags\[0\]: must be a tag"),
        ({"platforms": ["linux"]}, r"platforms\[0\]: not a platform like linux/arm64: 'linux'"),
        ({"platforms": []}, "platforms: must not be empty; None stands for all"),
        ({"reference": 1}, "reference: must be a string or None, not int"),
        ({"source": None}, "source: must be a path, not None"),
        ({"source": "a\0b"}, "source: must be a path"),
        ({"source": ""}, "source: must be a path"),
        ({"source": b"in"}, "source: must be a path, not bytes"),
    ],
)
async def test_push(
    local: LocalECR, proxy: Proxy, layout: Path, options: Mapping[str, Any], message: str
) -> None:
    arguments: dict[str, Any] = {"source": layout, "repository": "team/app", **options}
    async with local.session(endpoint_url=proxy.url) as session:
        with pytest.raises(ecr.ValidationError, match=message):
            await ecr.push_image(session.service(), **arguments)
    assert not proxy.calls


@pytest.mark.parametrize("reference", [None, "", "a b", "v1:v2", "sha256:00", "team/app", DIGEST + "0", 1])
async def test_references(local: LocalECR, proxy: Proxy, tmp_path: Path, reference: Any) -> None:
    async with local.session(endpoint_url=proxy.url) as session:
        service = session.service()
        with pytest.raises(ecr.ValidationError, match="reference: must be a tag or a digest, not "):
            await ecr.pull_image(service, "team/app", reference, tmp_path / "out")
        with pytest.raises(ecr.ValidationError, match="reference: must be a tag or a digest, not "):
            await ecr.copy_image(service, "team/app", reference, service, "team/app")
    assert not proxy.calls
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("names", [["a b"], [""], ["a\n"]])
async def test_names_in_a_layout(
    service: ecr.Service, repository: str, layout: Path, tmp_path: Path, names: list[str]
) -> None:
    await ecr.push_image(service, layout, repository, tags=["v1"])
    with pytest.raises(ecr.ValidationError, match=r"tags\[0\]: must be a tag or a name"):
        await ecr.pull_image(service, repository, "v1", tmp_path / "out", tags=names)
    await ecr.pull_image(service, repository, "v1", tmp_path / "out", tags=["docker.io/library/app:v1"])


async def test_a_tag_that_is_given_twice_is_put_once(
    local: LocalECR, proxy: Proxy, repository: str, layout: Path
) -> None:
    async with local.session(endpoint_url=proxy.url) as session:
        pushed = await ecr.push_image(session.service(), layout, repository, tags=["v1", "v1"])
    assert pushed.tags == ("v1",)
    assert proxy.calls["PutImage"] == 1


@pytest.mark.parametrize(("reference", "name"), [("none", ":none"), (DIGEST, f"@{DIGEST}")])
async def test_an_image_that_is_not_there_is_named(
    service: ecr.Service, repository: str, tmp_path: Path, reference: str, name: str
) -> None:
    with pytest.raises(ecr.ImageNotFoundException, match=f"team/app{name}: Requested image not found"):
        await ecr.pull_image(service, repository, reference, tmp_path / "out")
    with pytest.raises(ecr.ImageNotFoundException, match=reference):
        await ecr.copy_image(service, repository, reference, service, repository)


async def test_an_immutable_tag_is_named(service: ecr.Service, layout: Path, tmp_path: Path) -> None:
    name = await create(service, "team/fixed", image_tag_mutability="IMMUTABLE")
    await ecr.push_image(service, layout, name, tags=["v1"])
    other = write_layout(tmp_path / "other", [("v1", OTHER)])
    with pytest.raises(ecr.ImmutableTagError) as caught:
        await ecr.push_image(service, other, name, tags=["v1"])
    said = f"team/fixed:v1 is immutable and points at another image than {OTHER.digest}"
    assert str(caught.value) == said


@pytest.mark.parametrize("operation", ["PutImage", "InitiateLayerUpload", "UploadLayerPart"])
async def test_a_quota_is_an_error_of_its_own(
    local: LocalECR, service: ecr.Service, repository: str, layout: Path, operation: str
) -> None:
    said = "The maximum number of images per repository has been reached"
    fault = Fault(
        kind="error", operation=operation, status=400, code="LimitExceededException", message=said, times=None
    )
    with local.inject(fault), pytest.raises(ecr.LimitExceededException, match=said) as caught:
        await ecr.push_image(service, layout, repository, tags=["v1"])
    assert caught.value.operation == operation
    assert (await ecr.push_image(service, layout, repository, tags=["v1"])).tags == ("v1",)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"imageLayoutVersion": "2.0.0"}', "oci-layout: imageLayoutVersion must be 1.0.0"),
        ('{"imageLayoutVersion": 1}', "oci-layout: it names no imageLayoutVersion"),
        ("{}", "oci-layout: it names no imageLayoutVersion"),
        ("", "oci-layout: it names no imageLayoutVersion"),
        ('{"more": ' + "[" * 4000, "oci-layout: it names no imageLayoutVersion"),
    ],
)
async def test_a_layout_of_another_version_is_rejected(
    service: ecr.Service, repository: str, layout: Path, text: str, said: str
) -> None:
    (layout / "oci-layout").write_text(text)
    with pytest.raises(ecr.LayoutError, match=said):
        await ecr.push_image(service, layout, repository)


async def test_a_syncs_checkpoint_that_is_a_folder_is_named(service: ecr.Service, tmp_path: Path) -> None:
    with pytest.raises(ecr.CheckpointError, match="is a folder; a checkpoint is a file"):
        async for _ in ecr.sync_images(service, service, checkpoint=tmp_path):
            pass

"""`ecr-async inspect`: one image, as ECR and its manifest describe it."""

from typing import Annotated, Any, cast

import typer
from rich.table import Table

from ecr_async._bulk.batches import get_images
from ecr_async.api.common import ImageIdentifier
from ecr_async.api.images import DescribeImagesRequest, ImageDetail, describe_images
from ecr_async.cli.interruption import run
from ecr_async.cli.options import EndpointUrl, ImageRegion, Profile
from ecr_async.cli.places import Place
from ecr_async.cli.printing import AsJson, as_json_lines, is_for_people, say, text
from ecr_async.errors import ECRError, ValidationError
from ecr_async.oci.manifests import Descriptor, Manifest
from ecr_async.oci.references import ImageReference

__all__ = ["inspect"]


def inspect(
    image: Annotated[
        str,
        typer.Argument(help="Such as team/app:v1 or team/app@sha256:…, with the registry's host or without."),
    ],
    region: ImageRegion = None,
    profile: Profile = None,
    endpoint_url: EndpointUrl = None,
    manifest: Annotated[
        bool, typer.Option(help="Read the manifest as well, which ECR counts as a pull of the image.")
    ] = True,
    as_json: AsJson = False,
) -> None:
    """Show an image.

    That is its digest, tags, size, times and scan, its platforms or its layers.
    """
    reference = ImageReference.parse(image)
    shown = run(_inspect(reference, Place(profile, region, endpoint_url).of(reference), manifest))
    if is_for_people(as_json):
        say(_grid(shown))
    else:
        as_json_lines([shown])


async def _inspect(reference: ImageReference, place: Place, manifest: bool) -> dict[str, Any]:
    if reference.tag is None and reference.digest is None:
        raise ValidationError("image", "must have a tag or a digest, such as team/app:v1")
    identifier = ImageIdentifier(reference.digest, None if reference.digest else reference.tag)
    async with place.open() as service:
        request = DescribeImagesRequest(
            reference.repository, registry_id=reference.account, image_ids=[identifier]
        )
        (detail,) = (await describe_images(service, request)).image_details
        shown = _described(detail)
        if manifest:
            digest = ImageIdentifier(image_digest=detail.image_digest)
            read = await get_images(service, reference.repository, [digest])
            for failure in read.failures:
                raise failure.error or ECRError(f"{failure.code}: {failure.reason}")
            shown |= _manifest((read.done[0].image_manifest or "").encode())
    return shown


def _described(image: ImageDetail) -> dict[str, Any]:
    summary = image.image_scan_findings_summary
    return {
        "repository": image.repository_name,
        "registry_id": image.registry_id,
        "digest": image.image_digest,
        "tags": list(image.image_tags),
        "size": image.image_size_in_bytes,
        "pushed": image.image_pushed_at,
        "pulled": image.last_recorded_pull_time,
        "status": image.image_status,
        "media_type": image.image_manifest_media_type,
        "artifact_type": image.artifact_media_type,
        "scan": image.image_scan_status.status if image.image_scan_status else None,
        "findings": dict(summary.finding_severity_counts) if summary else None,
    }


def _manifest(content: bytes) -> dict[str, Any]:
    manifest = Manifest.parse(content)
    if manifest.is_index:
        return {
            "manifests": [
                {"platform": str(each.platform) if each.platform else None, **_content(each)}
                for each in manifest.manifests
            ]
        }
    return {"layers": [_content(each) for each in manifest.layers]}


def _content(descriptor: Descriptor) -> dict[str, Any]:
    return {"digest": descriptor.digest, "size": descriptor.size}


def _grid(shown: dict[str, Any]) -> Table:
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(style="dim")
    grid.add_column(overflow="fold")
    for name, value in shown.items():
        if name in ("manifests", "layers"):
            for number, part in enumerate(cast("list[dict[str, Any]]", value)):
                grid.add_row(name if not number else "", "  ".join(map(text, part.values())))
        else:
            grid.add_row(name.replace("_", " "), text(value))
    return grid

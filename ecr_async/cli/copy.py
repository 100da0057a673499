"""`ecr-async copy`: an image from one repository into another."""

from typing import Annotated

import typer

from ecr_async.cli.interruption import run
from ecr_async.cli.options import (
    FromEndpointUrl,
    FromProfile,
    FromRegion,
    FurtherTags,
    OutcomeAsJson,
    Platforms,
    ToEndpointUrl,
    ToProfile,
    ToRegion,
)
from ecr_async.cli.places import Place
from ecr_async.cli.transfer_report import layer_progress, print_moved
from ecr_async.oci.references import ImageReference
from ecr_async.transfer.copy import copy_image
from ecr_async.transfer.results import CopiedImage

__all__ = ["copy"]


def copy(
    source: Annotated[str, typer.Argument(help="'team/app:v1', with or without the registry's host.")],
    destination: Annotated[str, typer.Argument(help="The same; without a tag it gets the source's.")],
    tag: FurtherTags = None,
    platform: Platforms = None,
    referrers: Annotated[bool, typer.Option(help="Whether signatures and SBOMs are copied too.")] = False,
    concurrency: Annotated[int, typer.Option(min=1, help="How many layers are copied at a time.")] = 4,
    from_profile: FromProfile = None,
    to_profile: ToProfile = None,
    from_region: FromRegion = None,
    to_region: ToRegion = None,
    from_endpoint_url: FromEndpointUrl = None,
    to_endpoint_url: ToEndpointUrl = None,
    json: OutcomeAsJson = False,
) -> None:
    """Copy an image between repositories, regions and accounts.

    The disk isn't touched.
    """
    origin, target = ImageReference.parse(source), ImageReference.parse(destination)
    tags = [*filter(None, [target.tag or origin.tag]), *(tag or [])]
    there = Place(from_profile, from_region, from_endpoint_url).of(origin)
    here = Place(to_profile, to_region, to_endpoint_url).of(target)

    async def transfer() -> CopiedImage:
        async with there.open() as source_service, here.open() as service:
            with layer_progress() as progress:
                return await copy_image(
                    source_service,
                    origin.repository,
                    origin.digest or origin.tag or "latest",
                    service,
                    target.repository,
                    tags=tags or None,
                    platforms=platform or None,
                    include_referrers=referrers,
                    source_registry_id=origin.account,
                    registry_id=target.account,
                    progress=progress,
                    concurrency=concurrency,
                )

    print_moved("copied", run(transfer()), destination, as_json=json)

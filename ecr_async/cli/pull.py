"""`ecr-async pull`: an image from a repository into a layout."""

from pathlib import Path
from typing import Annotated

import typer

from ecr_async.cli.interruption import run
from ecr_async.cli.options import EndpointUrl, ImageRegion, OutcomeAsJson, Platforms, Profile
from ecr_async.cli.places import Place
from ecr_async.cli.transfer_report import layer_progress, print_moved
from ecr_async.oci.references import ImageReference
from ecr_async.transfer.pull import pull_image
from ecr_async.transfer.results import PulledImage

__all__ = ["pull"]


def pull(
    image: Annotated[
        str, typer.Argument(help="'team/app:v1' or 'team/app@sha256:…', with or without the registry's host.")
    ],
    destination: Annotated[
        Path, typer.Argument(help="An OCI image layout: a folder, or a tar archive if it ends in .tar.")
    ],
    platform: Platforms = None,
    referrers: Annotated[bool, typer.Option(help="Whether signatures and SBOMs are pulled too.")] = False,
    concurrency: Annotated[int, typer.Option(min=1, help="How many layers are fetched at a time.")] = 4,
    profile: Profile = None,
    region: ImageRegion = None,
    endpoint_url: EndpointUrl = None,
    json: OutcomeAsJson = False,
) -> None:
    """Pull an image. What the layout has already isn't fetched; an interrupted pull is continued."""
    source = ImageReference.parse(image)
    place = Place(profile, region, endpoint_url).of(source)

    async def transfer() -> PulledImage:
        async with place.open() as service:
            with layer_progress() as progress:
                return await pull_image(
                    service,
                    source.repository,
                    source.digest or source.tag or "latest",
                    destination,
                    tags=[source.tag] if source.tag else None,
                    platforms=platform or None,
                    include_referrers=referrers,
                    registry_id=source.account,
                    progress=progress,
                    concurrency=concurrency,
                )

    print_moved("pulled", run(transfer()), image, as_json=json)

"""`ecr-async push`: an image from a layout or an archive into a repository."""

from pathlib import Path
from typing import Annotated

import typer

from ecr_async.cli.interruption import run
from ecr_async.cli.options import EndpointUrl, FurtherTags, ImageRegion, OutcomeAsJson, Platforms, Profile
from ecr_async.cli.places import Place
from ecr_async.cli.transfer_report import layer_progress, print_moved
from ecr_async.oci.references import ImageReference
from ecr_async.transfer.push import push_image
from ecr_async.transfer.results import PushedImage

__all__ = ["push"]


def push(
    source: Annotated[
        Path, typer.Argument(help="An OCI image layout (folder or tar), or what `docker save` wrote.")
    ],
    image: Annotated[
        str, typer.Argument(help="Where it goes: 'team/app:v1', with or without the registry's host.")
    ],
    tag: FurtherTags = None,
    reference: Annotated[
        str | None, typer.Option(help="Which of several images in the source: its tag there, or its digest.")
    ] = None,
    platform: Platforms = None,
    referrers: Annotated[
        bool, typer.Option(help="Whether signatures and SBOMs in the source are pushed too.")
    ] = True,
    concurrency: Annotated[int, typer.Option(min=1, help="How many layers are sent at a time.")] = 4,
    profile: Profile = None,
    region: ImageRegion = None,
    endpoint_url: EndpointUrl = None,
    json: OutcomeAsJson = False,
) -> None:
    """Push an image. What the repository has already isn't sent; an interrupted push is continued."""
    target = ImageReference.parse(image)
    tags = [*([target.tag] if target.tag else []), *(tag or [])]
    place = Place(profile, region, endpoint_url).of(target)

    async def transfer() -> PushedImage:
        async with place.open() as service:
            with layer_progress() as progress:
                return await push_image(
                    service,
                    source,
                    target.repository,
                    tags=tags,
                    reference=reference,
                    platforms=platform or None,
                    include_referrers=referrers,
                    registry_id=target.account,
                    progress=progress,
                    concurrency=concurrency,
                )

    print_moved("pushed", run(transfer()), image, as_json=json)

"""Options that several commands share, each under one name and with one description."""

from typing import Annotated, TypeAlias

import typer

__all__ = [
    "EndpointUrl",
    "FromEndpointUrl",
    "FromProfile",
    "FromRegion",
    "FurtherTags",
    "ImageRegion",
    "OutcomeAsJson",
    "Platforms",
    "Profile",
    "Profiles",
    "Region",
    "Regions",
    "ToEndpointUrl",
    "ToProfile",
    "ToRegion",
]

Profile: TypeAlias = Annotated[str | None, typer.Option(help="A profile of the shared config files.")]
Profiles: TypeAlias = Annotated[
    list[str] | None,
    typer.Option("--profile", help="A profile of the shared config files; may be given again."),
]

Region: TypeAlias = Annotated[str | None, typer.Option(help="The region. By default the profile's.")]
Regions: TypeAlias = Annotated[
    list[str] | None,
    typer.Option("--region", help="A region; may be given again. By default the profile's."),
]
ImageRegion: TypeAlias = Annotated[
    str | None, typer.Option(help="The region. By default the one in the image's name, or the profile's.")
]

EndpointUrl: TypeAlias = Annotated[str | None, typer.Option(help="Where ECR is, if not at its own endpoint.")]

FromProfile: TypeAlias = Annotated[
    str | None, typer.Option(help="The source's profile of the shared config files.")
]
FromRegion: TypeAlias = Annotated[
    str | None, typer.Option(help="The source's region. By default its profile's.")
]
FromEndpointUrl: TypeAlias = Annotated[
    str | None, typer.Option(help="Where the source's ECR is, if not at its own endpoint.")
]
ToProfile: TypeAlias = Annotated[
    str | None, typer.Option(help="The destination's profile of the shared config files.")
]
ToRegion: TypeAlias = Annotated[
    str | None, typer.Option(help="The destination's region. By default its profile's.")
]
ToEndpointUrl: TypeAlias = Annotated[
    str | None, typer.Option(help="Where the destination's ECR is, if not at its own endpoint.")
]

FurtherTags: TypeAlias = Annotated[
    list[str] | None, typer.Option("--tag", help="A further tag; may be given again.")
]
Platforms: TypeAlias = Annotated[
    list[str] | None,
    typer.Option("--platform", help="Only this platform, like linux/arm64; may be given again."),
]
OutcomeAsJson: TypeAlias = Annotated[bool, typer.Option("--json", help="Print the outcome as JSON.")]

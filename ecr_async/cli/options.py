"""Options that several commands share, each under one name and with one description.

A value that cannot be right is reported as the parser does, with the option's name and the exit status 2.
"""

from collections.abc import Callable
from typing import Annotated, Any, TypeAlias

import typer

from ecr_async._config.endpoints import check_region, check_url
from ecr_async._config.settings import profile_fault
from ecr_async.errors import ConfigurationError

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
    "checked",
    "option",
    "profile_fault",
    "region_fault",
    "url_fault",
]

Value: TypeAlias = str | list[str] | None


def checked(fault_of: Callable[[str], str | None]) -> Callable[[Value], Value]:
    """Return a callback that rejects a value, or one of several, that has a fault.

    `fault_of` returns the sentence about it.
    """

    def check(value: Value) -> Value:
        given = [value] if isinstance(value, str) else value
        for fault in filter(None, map(fault_of, given or [])):
            raise typer.BadParameter(fault)
        return value

    return check


def region_fault(region: str) -> str | None:
    """Return what is wrong with a region's name; None if nothing is."""
    try:
        check_region(region)
    except ValueError as wrong:
        return f"{region!r} {wrong}"
    return None


def url_fault(url: str) -> str | None:
    """Return what is wrong with an endpoint's URL; None if nothing is."""
    try:
        check_url(url, "it")
    except ConfigurationError as wrong:
        return str(wrong)
    return None


def option(*names: str, help: str, fault_of: Callable[[str], str | None]) -> Any:
    """Return an option whose value, or each of several, may have a fault."""
    return typer.Option(*names, help=help, callback=checked(fault_of))


Profile: TypeAlias = Annotated[
    str | None, option(help="A profile of the shared config files.", fault_of=profile_fault)
]
Profiles: TypeAlias = Annotated[
    list[str] | None,
    option(
        "--profile",
        help="A profile of the shared config files; may be given again.",
        fault_of=profile_fault,
    ),
]

Region: TypeAlias = Annotated[
    str | None, option(help="The region. By default the profile's.", fault_of=region_fault)
]
Regions: TypeAlias = Annotated[
    list[str] | None,
    option("--region", help="A region; may be given again. By default the profile's.", fault_of=region_fault),
]
ImageRegion: TypeAlias = Annotated[
    str | None,
    option(
        help="The region. By default the one in the image's name, or the profile's.", fault_of=region_fault
    ),
]

EndpointUrl: TypeAlias = Annotated[
    str | None, option(help="Where ECR is, if not at its own endpoint.", fault_of=url_fault)
]

FromProfile: TypeAlias = Annotated[
    str | None, option(help="The source's profile of the shared config files.", fault_of=profile_fault)
]
FromRegion: TypeAlias = Annotated[
    str | None,
    option(help="The source's region. By default its profile's.", fault_of=region_fault),
]
FromEndpointUrl: TypeAlias = Annotated[
    str | None,
    option(help="Where the source's ECR is, if not at its own endpoint.", fault_of=url_fault),
]
ToProfile: TypeAlias = Annotated[
    str | None, option(help="The destination's profile of the shared config files.", fault_of=profile_fault)
]
ToRegion: TypeAlias = Annotated[
    str | None,
    option(help="The destination's region. By default its profile's.", fault_of=region_fault),
]
ToEndpointUrl: TypeAlias = Annotated[
    str | None,
    option(help="Where the destination's ECR is, if not at its own endpoint.", fault_of=url_fault),
]

FurtherTags: TypeAlias = Annotated[
    list[str] | None, typer.Option("--tag", help="A further tag; may be given again.")
]
Platforms: TypeAlias = Annotated[
    list[str] | None,
    typer.Option("--platform", help="Only this platform, like linux/arm64; may be given again."),
]
OutcomeAsJson: TypeAlias = Annotated[bool, typer.Option("--json", help="Print the outcome as JSON.")]

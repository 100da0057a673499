"""The commands, gathered."""

from importlib import import_module
from typing import Annotated, Final

import typer

from ecr_async._version import __version__

__all__ = ["COMMANDS", "app"]

COMMANDS: Final = {
    "ls": "listing",
    "tags": "listing",
    "inspect": "inspect",
    "scan": "scan",
    "report": "report",
    "findings": "findings",
    "preview": "preview",
    "clean": "preview",
    "push": "push",
    "pull": "pull",
    "copy": "copy",
    "sync": "sync",
    "login": "login",
    "serve": "serve",
    "policy": "policy",
    "events": "events",
}
"""The commands, in the order of the help, and the modules that they live in."""


def app(named: str | None = None) -> typer.Typer:
    """Return the command with all that it can do, or with the one command that is `named`.

    The modules of the others are then not imported, which would take longer than most commands do.
    """
    gathered = typer.Typer(
        name="ecr-async",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,  # whose tables cut the names of options in a terminal of 80 columns
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    gathered.callback()(_options)
    for name, home in COMMANDS.items():
        if named in COMMANDS and name != named:
            continue
        module = import_module(f"ecr_async.cli.{home}")
        if hasattr(module, "app"):
            gathered.add_typer(module.app, name=name)
        else:
            gathered.command()(getattr(module, name))
    return gathered


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"ecr-async {__version__}")
        raise typer.Exit


def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Amazon ECR from the command line: scan registries, move images, log in, or run an embedded ECR."""

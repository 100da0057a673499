"""The commands, gathered."""

from typing import Annotated

import typer

from ecr_async._version import __version__
from ecr_async.cli.copy import copy
from ecr_async.cli.events import app as events
from ecr_async.cli.login import login
from ecr_async.cli.pull import pull
from ecr_async.cli.push import push
from ecr_async.cli.scan import scan
from ecr_async.cli.serve import serve
from ecr_async.cli.sync import sync

__all__ = ["app"]

app = typer.Typer(
    name="ecr-async",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command()(serve)
app.command()(scan)
app.command()(push)
app.command()(pull)
app.command()(copy)
app.command()(sync)
app.command()(login)
app.add_typer(events, name="events")


def _print_version(asked: bool) -> None:
    if asked:
        typer.echo(f"ecr-async {__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Amazon ECR from the command line: scan registries, move images, log in, or run an embedded ECR."""

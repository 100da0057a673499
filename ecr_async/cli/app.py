"""The commands, gathered."""

from typing import Annotated

import typer

from ecr_async._version import __version__
from ecr_async.cli.copy import copy
from ecr_async.cli.events import app as events
from ecr_async.cli.findings import findings
from ecr_async.cli.inspect import inspect
from ecr_async.cli.listing import ls, tags
from ecr_async.cli.login import login
from ecr_async.cli.policy import app as policy
from ecr_async.cli.preview import clean, preview
from ecr_async.cli.pull import pull
from ecr_async.cli.push import push
from ecr_async.cli.report import report
from ecr_async.cli.scan import scan
from ecr_async.cli.serve import serve
from ecr_async.cli.sync import sync

__all__ = ["app"]

app = typer.Typer(
    name="ecr-async",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # whose tables cut the names of options in a terminal of 80 columns
    context_settings={"help_option_names": ["-h", "--help"]},
)
_READING = (ls, tags, inspect, scan, report, findings, preview, clean)
_MOVING = (push, pull, copy, sync, login)
for _command in (*_READING, *_MOVING, serve):
    app.command()(_command)
app.add_typer(policy, name="policy")
app.add_typer(events, name="events")


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"ecr-async {__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Amazon ECR from the command line: scan registries, move images, log in, or run an embedded ECR."""

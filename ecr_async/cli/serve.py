"""`ecr-async serve`: the embedded ECR, for as long as the command runs."""

import asyncio
import signal
import sys
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer

from ecr_async.cli.event_sinks import sink_for
from ecr_async.local import LocalECR
from ecr_async.local import serve as serve_forever

__all__ = ["serve"]


def serve(
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="The port to listen on; 0 takes a free one.")
    ] = 0,
    data: Annotated[
        Path | None,
        typer.Option(file_okay=False, help="A folder to keep the state in; without it the end forgets all."),
    ] = None,
    verify_layers: Annotated[
        bool, typer.Option(help="Whether a manifest's layers must have been uploaded before it.")
    ] = True,
    verify_signatures: Annotated[
        bool, typer.Option(help="Whether calls must be signed with a key that the server knows.")
    ] = True,
    events: Annotated[
        str | None,
        typer.Option(
            help="Where to send the events that ECR sends by EventBridge: the URL of an SQS queue, "
            "another URL to post each to, a file to append them to as JSON lines, or - for standard output."
        ),
    ] = None,
) -> None:
    """Run an embedded ECR on loopback; print its endpoint URL and serve until SIGINT or SIGTERM."""
    local = LocalECR(
        host=host,
        port=port,
        data=data,
        verify_layers=verify_layers,
        verify_signatures=verify_signatures,
        on_event=None if events is None else sink_for(events),
    )
    asyncio.run(_serve(local))


async def _serve(local: LocalECR) -> None:
    serving = asyncio.ensure_future(serve_forever(local, _print_endpoint))
    with suppress(NotImplementedError):  # on Windows, where Ctrl+C interrupts the loop itself
        for name in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(name, serving.cancel)
    await asyncio.wait([serving])
    if not serving.cancelled():
        serving.result()


def _print_endpoint(local: LocalECR) -> None:
    """Print where the server is, for programs; and for people, how to call it."""
    typer.echo(local.endpoint_url)
    if sys.stderr.isatty():
        keys = f"AWS_ACCESS_KEY_ID={local.access_key_id} AWS_SECRET_ACCESS_KEY={local.secret_access_key}"
        typer.echo(f"AWS_ENDPOINT_URL_ECR={local.endpoint_url} {keys}\nCtrl+C ends it.", err=True)

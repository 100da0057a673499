"""`ecr-async serve`: the embedded ECR, for as long as the command runs."""

import asyncio
import secrets
import shlex
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from enum import Enum
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated

import typer

from ecr_async.cli.event_sinks import sink_for
from ecr_async.cli.options import checked
from ecr_async.errors import ConfigurationError
from ecr_async.local import EventSink, LocalECR, RateLimit
from ecr_async.local import serve as serve_forever
from ecr_async.local.arguments import KEY_ID, account_fault, region_fault
from ecr_async.local.embedded import ACCESS_KEY, SECRET_KEY
from ecr_async.local.http.behaviour import check_operation
from ecr_async.local.samples import fill_with_samples

__all__ = ["serve"]


class Style(Enum):
    """The forms of repository URIs."""

    CALLER = "caller"
    HOST = "host"
    PATH = "path"
    AWS = "aws"


def serve(
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="The port to listen on; 0 takes a free one.")
    ] = 0,
    data: Annotated[
        Path | None,
        typer.Option(
            file_okay=False, help="A folder to keep the state in; without one, it is lost at the end."
        ),
    ] = None,
    verify_layers: Annotated[
        bool, typer.Option(help="Whether a manifest's layers must have been uploaded before it.")
    ] = True,
    verify_signatures: Annotated[
        bool, typer.Option(help="Whether calls must be signed with a key that the server knows.")
    ] = True,
    access_key: Annotated[
        str | None,
        typer.Option(
            metavar="ID:SECRET",
            help="The server's access key. The default is known to everybody, so one is made up if the "
            "server listens on other than loopback addresses.",
        ),
    ] = None,
    account: Annotated[
        str, typer.Option(help="The account of the server's own access key.", callback=checked(account_fault))
    ] = "123456789012",
    region: Annotated[
        str,
        typer.Option(
            help="The region of registries that a name doesn't choose one for.",
            callback=checked(region_fault),
        ),
    ] = "us-east-1",
    uri_style: Annotated[
        Style,
        typer.Option(
            help="The form of repository URIs: as the caller named the server, "
            "<account>.dkr.ecr.<region>.localhost:<port>, localhost:<port>/<account>/<region>, or ECR's own."
        ),
    ] = Style.CALLER,
    tls: Annotated[bool, typer.Option(help="Whether to serve by TLS, with a certificate made now.")] = False,
    tls_cert: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="Your own certificate for TLS, in PEM.")
    ] = None,
    tls_key: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="The certificate's private key, in PEM.")
    ] = None,
    fill: Annotated[
        int, typer.Option(min=0, metavar="N", help="Push N made-up images, to try things out on.")
    ] = 0,
    env: Annotated[
        bool, typer.Option("--env", help="Print only the line that sets a shell up to use the server.")
    ] = False,
    rate: Annotated[
        list[str] | None,
        typer.Option(
            help="A rate limit, such as 'DescribeImages=20/s,burst=40'; may be given several times. "
            "Calls beyond it get ECR's error."
        ),
    ] = None,
    control: Annotated[
        bool, typer.Option(help="Whether /_local serves faults, rates and the clock to tests.")
    ] = True,
    events: Annotated[
        str | None,
        typer.Option(
            help="Where to send the events that ECR sends by EventBridge: the URL of an SQS queue, "
            "another URL to post each to, a file to append them to as JSON lines, or - for standard output."
        ),
    ] = None,
) -> None:
    """Run an embedded ECR on loopback.

    Its endpoint URL is printed, and it serves until SIGINT or SIGTERM.
    """
    if (tls_cert is None) != (tls_key is None):
        raise typer.BadParameter("--tls-cert and --tls-key go together")
    sink = None if events is None else _sink(events)
    rates = dict(_rate(text) for text in rate or ())
    key_id, secret = _access_key(host, access_key)
    local = LocalECR(
        host=host,
        port=port,
        data=data,
        verify_layers=verify_layers,
        verify_signatures=verify_signatures,
        access_key_id=key_id,
        secret_access_key=secret,
        account_id=account,
        region=region,
        uri_style=uri_style.value,
        tls=tls if tls_cert is None or tls_key is None else (tls_cert, tls_key),
        rates=rates,
        control=control,
        on_event=sink,
    )
    asyncio.run(_serve(local, fill, _print_environment if env else _print_endpoint))


def _rate(text: str) -> tuple[str, RateLimit]:
    operation, equals, limit = text.partition("=")
    try:
        if not equals:
            raise ConfigurationError(f"it is written like DescribeImages=20/s,burst=40, not {text!r:.80}")
        return check_operation("it", operation), RateLimit.parse(limit)
    except ConfigurationError as error:
        raise typer.BadParameter(str(error), param_hint="--rate") from None


def _sink(destination: str) -> EventSink:
    try:
        return sink_for(destination)
    except ConfigurationError as error:
        raise typer.BadParameter(str(error), param_hint="--events") from None


def _access_key(host: str, given: str | None) -> tuple[str, str]:
    """Return the server's access key: one that only its owner knows, if others can reach the server."""
    if given is not None:
        key_id, _, secret = given.partition(":")
        if not key_id or not secret:
            raise typer.BadParameter("--access-key must be ID:SECRET")
        if not KEY_ID.fullmatch(key_id):
            raise typer.BadParameter("--access-key: the id before the colon is letters and digits")
        return key_id, secret
    if host == "localhost" or _is_loopback(host):
        return ACCESS_KEY, SECRET_KEY
    key_id, secret = f"AKIA{secrets.token_hex(8).upper()}", secrets.token_urlsafe(30)
    typer.echo(
        f"{host} can be reached by others, and the default access key is known to everybody, so this server "
        f"has one of its own:\nAWS_ACCESS_KEY_ID={key_id} AWS_SECRET_ACCESS_KEY={secret}\n"
        "Pass --access-key ID:SECRET to choose it.",
        err=True,
    )
    return key_id, secret


def _is_loopback(host: str) -> bool:
    """Return whether an address can be reached from this machine only."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


async def _serve(local: LocalECR, images: int, announce: Callable[[LocalECR], None]) -> None:
    async def start(local: LocalECR) -> None:
        await fill_with_samples(local, images)
        announce(local)

    serving = asyncio.ensure_future(serve_forever(local, start))
    with suppress(NotImplementedError, AttributeError):  # on Windows, where Ctrl+C interrupts the loop itself
        for name in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            asyncio.get_running_loop().add_signal_handler(name, serving.cancel)
    await asyncio.wait([serving])
    if not serving.cancelled():
        serving.result()


def _print_endpoint(local: LocalECR) -> None:
    """Print where the server is, for programs; and for people, how to call it."""
    typer.echo(local.endpoint_url)
    if sys.stderr.isatty():
        typer.echo(f"{_environment(local)}\nCtrl+C ends it.", err=True)


def _print_environment(local: LocalECR) -> None:
    typer.echo(_environment(local))


def _environment(local: LocalECR) -> str:
    """Return the line that sets a shell up, in one piece however long, to be pasted or evaluated."""
    return "export " + " ".join(f"{name}={shlex.quote(value)}" for name, value in local.environment.items())

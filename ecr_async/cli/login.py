"""`ecr-async login`: the registry's login for docker, podman, skopeo and Kubernetes."""

import asyncio
import subprocess
import sys
from pathlib import Path
from typing import Annotated, Literal

import attrs
import typer

from ecr_async.cli.interruption import run
from ecr_async.cli.options import EndpointUrl, Profile, Region
from ecr_async.cli.places import Place
from ecr_async.cli.transfer_report import to_json
from ecr_async.errors import ECRError
from ecr_async.service import Service
from ecr_async.transfer.login.docker_config import auth_file, kubernetes_secret, save_login
from ecr_async.transfer.login.registry_credentials import MARGIN, RegistryCredentials, registry_credentials

__all__ = ["login"]

RETRY_DELAY = 60.0
"""Seconds after which a login that could not be renewed is tried again."""


def login(
    output: Annotated[
        Literal["auth-file", "password", "json", "kubernetes-secret"],
        typer.Option(
            help="Write docker's file; or print the password, everything as JSON, or a Kubernetes pull secret."
        ),
    ] = "auth-file",
    file: Annotated[
        Path | None,
        typer.Option(
            "--auth-file",
            dir_okay=False,
            help="The file to write instead of docker's own; podman's is ${XDG_RUNTIME_DIR}/containers/auth.json.",
        ),
    ] = None,
    name: Annotated[str, typer.Option(help="The name of the Kubernetes secret.")] = "ecr",
    namespace: Annotated[str | None, typer.Option(help="The namespace of the Kubernetes secret.")] = None,
    watch: Annotated[
        bool, typer.Option("--watch", help="Go on, and do it again whenever the login is renewed.")
    ] = False,
    pipe_to: Annotated[
        str | None,
        typer.Option(
            metavar="COMMAND", help="Run a command with the output as its input: 'kubectl apply -f -'."
        ),
    ] = None,
    registry_id: Annotated[
        str | None,
        typer.Option(help="The account whose registry's host gets the login; by default the profile's own."),
    ] = None,
    profile: Profile = None,
    region: Region = None,
    endpoint_url: EndpointUrl = None,
) -> None:
    """Log in to the registry of the profile's account, for 12 hours.

    `ecr-async login --output password | docker login -u AWS --password-stdin HOST` keeps the password off the
    disk. For a login that renews itself use the credential helper, `docker-credential-ecr-async`.
    """
    deliver = _Delivery(output, file, name, namespace, pipe_to)

    async def deliver_it() -> None:
        async with Place(profile, region, endpoint_url).open() as service:
            if watch:
                await _watch(service, registry_id, deliver)
            else:
                await asyncio.to_thread(deliver, await registry_credentials(service, registry_id))

    run(deliver_it())


@attrs.frozen
class _Delivery:
    """Where a login goes. Called on a thread, since it blocks."""

    output: str
    file: Path | None
    name: str
    namespace: str | None
    command: str | None

    def __call__(self, credentials: RegistryCredentials) -> None:
        """Deliver a login."""
        if self.output == "auth-file":
            path = self.file or auth_file()
            helper = save_login(path, credentials)
            host = credentials.host
            typer.echo(f"logged in to {host} until {credentials.expires_at:%H:%M %Z}, in {path}")
            if helper is not None:
                typer.echo(
                    f"ecr-async: docker asks docker-credential-{helper} for this login, not the file; give it the"
                    " same options and --output password, and its output to"
                    f" `docker login --username AWS --password-stdin {host}`",
                    err=True,
                )
            return
        text = self._text(credentials)
        if self.command is None:
            typer.echo(text)
        else:
            status = subprocess.run(  # noqa: S602 - the user's own command, for their own shell
                self.command, shell=True, input=text.encode(), check=False, stdout=sys.stderr
            ).returncode
            if status:
                raise ECRError(f"{self.command!r} ended with exit status {status}")

    def _text(self, credentials: RegistryCredentials) -> str:
        if self.output == "password":
            return credentials.password
        if self.output == "kubernetes-secret":
            return kubernetes_secret(credentials, self.name, self.namespace).decode()
        document = {
            "username": credentials.username,
            "password": credentials.password,
            "endpoint": credentials.endpoint,
            "expires_at": credentials.expires_at.isoformat(),
        }
        return to_json(document)


async def _watch(service: Service, registry_id: str | None, deliver: _Delivery) -> None:
    """Deliver a login, and each that comes after it, until the command is ended."""
    while True:
        try:
            credentials = await registry_credentials(service, registry_id)
            await asyncio.to_thread(deliver, credentials)
            delay = max(credentials.expires_at.timestamp() - MARGIN - service.now(), 1.0)
        except (ECRError, OSError) as error:
            typer.echo(f"ecr-async: {error}; trying again in {RETRY_DELAY:.0f} s", err=True)
            delay = RETRY_DELAY
        await asyncio.sleep(delay)

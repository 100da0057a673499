"""Where `ecr-async serve --events` sends events: standard output, a file, an SQS queue, an HTTP endpoint."""

import asyncio
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import typer

from ecr_async.cli.sqs_client import sqs_client
from ecr_async.errors import ConfigurationError, ECRError
from ecr_async.events import Event
from ecr_async.local import EventSink

__all__ = ["sink_for"]

HTTP_TIMEOUT = 10.0
"""Seconds in which an endpoint must accept an event."""

_QUEUE_PATH = re.compile(r"/\d{12}/[A-Za-z0-9_-]+(\.fifo)?")


def sink_for(destination: str) -> EventSink:
    """Return the sink that a destination names.

    `-` is standard output, a URL like `https://sqs…/123456789012/name` an SQS queue, any other URL an
    endpoint that each event is posted to, and anything else the path of a file to append to. Raises
    `ConfigurationError` for a URL without a host or with a port that there cannot be, and for a file that
    cannot be written.
    """
    if destination == "-":
        return StandardOutput()
    if not re.match("[A-Za-z][A-Za-z0-9+.-]*://", destination):
        return JSONLinesFile(Path(destination))
    _check_url(destination)
    if _QUEUE_PATH.fullmatch(urlsplit(destination).path):
        return SQSSink(destination)
    return HTTPSink(destination)


def _check_url(url: str) -> None:
    try:
        parts = urlsplit(url)
        usable = parts.scheme.lower() in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:  # of the port, or of an IPv6 address
        usable = False
    if not usable:
        raise ConfigurationError(
            "a URL to send events to has http or https, a host, and a port from 1 to 65535 or none"
        )


class StandardOutput:
    """Prints each event as a line of JSON."""

    async def send(self, events: Sequence[Event]) -> None:
        """Print the events."""
        for event in events:
            typer.echo(event.to_json())


class JSONLinesFile:
    """Appends each event to a file, as a line of JSON."""

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._append("")
        except OSError as error:
            raise ConfigurationError(f"the file {str(path)!r} cannot be written: {error.strerror}") from None

    async def send(self, events: Sequence[Event]) -> None:
        """Append the events."""
        await asyncio.to_thread(self._append, "".join(f"{event.to_json()}\n" for event in events))

    def _append(self, lines: str) -> None:
        with self._path.open("a", encoding="utf-8") as file:
            file.write(lines)


class SQSSink:
    """Sends each event as a message to an SQS queue, in batches."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._client: Any = None

    async def send(self, events: Sequence[Event]) -> None:
        """Send the events. Raises `SendingError` if SQS does not take all of them."""
        for start in range(0, len(events), 10):
            await asyncio.to_thread(self._send_batch, events[start : start + 10])

    def _send_batch(self, events: Sequence[Event]) -> None:
        if self._client is None:
            self._client = sqs_client(self._url)
        entries = [{"Id": str(place), "MessageBody": event.to_json()} for place, event in enumerate(events)]
        if self._url.endswith(".fifo"):
            for entry, event in zip(entries, events, strict=True):
                entry |= {"MessageGroupId": event.account, "MessageDeduplicationId": event.id}
        response = self._client.send_message_batch(QueueUrl=self._url, Entries=entries)
        failed = response.get("Failed") or ()
        if failed:
            raise SendingError(
                f"SQS did not take {len(failed)} of {len(events)} events: {failed[0].get('Code')}"
            )


class HTTPSink:
    """Posts each event to an endpoint."""

    def __init__(self, url: str) -> None:
        self._url = url

    async def send(self, events: Sequence[Event]) -> None:
        """Post the events, one after the other. Raises `SendingError` for a status that is not 2xx."""
        timeout = aiohttp.ClientTimeout(total=HTTP_TIMEOUT)
        headers = {"Content-Type": "application/json"}
        async with aiohttp.ClientSession(timeout=timeout, headers=headers) as http:
            for event in events:
                async with http.post(self._url, data=event.to_json()) as response:
                    if not response.ok:
                        raise SendingError(f"the endpoint responded {response.status}")


class SendingError(ECRError):
    """A destination did not take an event."""

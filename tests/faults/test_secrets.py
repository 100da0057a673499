"""Canaries: no secret is in any log line, message, repr, traceback or span, whatever goes wrong."""

import asyncio
import base64
import json
import logging
import pickle
import re
import traceback
import urllib.parse
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, TypeAlias

import aiohttp
import attrs
import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

import ecr_async as ecr
from ecr_async._http.failures import transport_error
from tests.faults import server as faults
from tests.faults.server import (
    HTML,
    JSON,
    Behaviour,
    Exchange,
    FaultServer,
    head,
    page,
    reject,
    respond,
    send_and_drop,
    session_for,
)
from tests.faults.test_wrong_place import session
from tests.virtual_time import in_virtual_time

SECRET_KEY = "canary/secret+key=="
SESSION_TOKEN = "canary/session+token=="
CREDENTIALS = ecr.Credentials("AKIAEXAMPLE", SECRET_KEY, SESSION_TOKEN)

AUTHORIZATION_TOKEN = base64.b64encode(b"AWS:canary").decode()
SIGNED_URL = "https://bucket.s3.amazonaws.com/layer?X-Amz-Signature=canary"
LAYER = b"canary of a layer"

RESPONSE = json.dumps(
    {
        "authorizationData": [{"authorizationToken": AUTHORIZATION_TOKEN, "expiresAt": 1_700_000_000}],
        "downloadUrl": SIGNED_URL,
    }
).encode()

Call: TypeAlias = Callable[[ecr.Service], Awaitable[Any]]

REQUESTS: dict[str, tuple[Callable[..., Awaitable[Any]], Any]] = {
    "token": (ecr.get_authorization_token, ecr.GetAuthorizationTokenRequest()),
    "download": (
        ecr.get_download_url_for_layer,
        ecr.GetDownloadUrlForLayerRequest("app", "sha256:" + "0" * 64),
    ),
    "upload": (
        ecr.upload_layer_part,
        ecr.UploadLayerPartRequest("app", "11111111-2222-4333-8444-555555555555", 0, len(LAYER) - 1, LAYER),
    ),
}


async def echo_in_html(exchange: Exchange) -> None:
    """A proxy that shows what it was sent."""
    fields = "".join(f"<li>{name}: {value}</li>" for name, value in exchange.request.headers.items())
    await respond(f"<ul>{fields}</ul>".encode(), 403, HTML)(exchange)


async def explain_the_signature(exchange: Exchange) -> None:
    """The service, when it computes another signature: it repeats the canonical request."""
    fields = exchange.request.headers
    explanation = "".join(f"{name}:{fields[name]}\n" for name in ("authorization", "x-amz-security-token"))
    await reject("InvalidSignatureException", 400, explanation)(exchange)


async def explain_with_escapes(exchange: Exchange) -> None:
    """The same, by an encoder of JSON that escapes slashes."""
    token = exchange.request.headers["x-amz-security-token"].replace("/", "\\/")
    await respond(b'{"__type": "InvalidSignatureException", "message": "%b"}' % token.encode(), 400)(exchange)


def echo_the_token(spell: Callable[[str], str], place: str) -> Behaviour:
    """A service that repeats the session token, in some spelling, in a body or a header of its error."""

    async def behave(exchange: Exchange) -> None:
        token = spell(exchange.request.headers["x-amz-security-token"])
        message = token if place == "message" else "No."
        headers = {} if place == "message" else {place: token}
        body = b'{"__type": "AccessDeniedException", "message": "%b"}' % message.encode()
        await respond(body, 400, **headers)(exchange)

    return behave


FAULTS: dict[str, Behaviour] = {
    "nothing goes wrong": respond(RESPONSE),
    "drops": faults.drop,
    "resets": faults.reset,
    "stalls": faults.stall,
    "announces too little": send_and_drop(head(200, {"Content-Type": JSON, "Content-Length": "2"}), RESPONSE),
    "announces too much": send_and_drop(head(200, {"Content-Length": "9999"}), RESPONSE),
    "is not HTTP": send_and_drop(RESPONSE + b"\r\n\r\n"),
    "is not JSON": respond(RESPONSE[:-1]),
    "is JSON of another kind": respond(b'{"authorizationData": %b}' % json.dumps(SIGNED_URL).encode()),
    "has a bad time": respond(RESPONSE.replace(b"1700000000", b'"canary"')),
    "rejects": reject("ServerException", 500),
    "throttles": reject("ThrottlingException"),
    "expired": reject("ExpiredTokenException"),
    "is unavailable": page(503),
    "redirects": page(302, Location=SIGNED_URL),
    "echoes in HTML": echo_in_html,
    "explains the signature": explain_the_signature,
    "explains with escapes": explain_with_escapes,
    "echoes the token in escapes": echo_the_token(lambda t: t.replace("=", r"\u003d"), "message"),
    "echoes the token in escaped escapes": echo_the_token(lambda t: t.replace("=", r"\\u003d"), "message"),
    "echoes the token percent-encoded": echo_the_token(urllib.parse.quote_plus, "message"),
    "echoes the token in HTML": echo_the_token(lambda t: t.replace("+", "&#43;"), "message"),
    "echoes the token as the error's type": echo_the_token(str, "x-amzn-errortype"),
    "echoes the token as the request's ID": echo_the_token(str, "x-amzn-requestid"),
    "echoes the token as the request's ID in a response": respond(
        RESPONSE, 200, **{"x-amzn-requestid": SESSION_TOKEN}
    ),
}


def locals_on_the_way(error: BaseException) -> list[str]:
    """The local variables that error reporters show, but for those of the tests, which know the secrets."""
    shown = traceback.TracebackException.from_exception(error, capture_locals=True)
    frames: list[str] = []
    while shown is not None:
        frames += [
            f"{frame.filename}:{frame.lineno} {frame.locals}"
            for frame in shown.stack
            if "/tests/" not in frame.filename
        ]
        shown = shown.__cause__ or shown.__context__  # type: ignore[assignment]
    return frames


@attrs.define
class Ears:
    """Hears everything that is logged, from the root down, and every span."""

    heard: list[str] = attrs.field(factory=list)
    locals: list[str] = attrs.field(factory=list)
    spans: InMemorySpanExporter = attrs.field(factory=InMemorySpanExporter)

    def telemetry(self) -> ecr.telemetry.OpenTelemetry:
        tracers = TracerProvider(shutdown_on_exit=False)
        tracers.add_span_processor(SimpleSpanProcessor(self.spans))
        return ecr.telemetry.OpenTelemetry(tracers, MeterProvider(shutdown_on_exit=False))

    def hear(self, *things: Any) -> None:
        self.heard += [text for thing in things for text in (repr(thing), str(thing))]

    def hear_error(self, error: BaseException) -> None:
        """The error as anyone may format it, with all that it hangs on, and as it travels."""
        self.heard += traceback.format_exception(error)
        self.locals += locals_on_the_way(error)
        self.hear(pickle.loads(pickle.dumps(error)), vars(error))
        chain: BaseException | None = error
        while chain is not None:
            self.hear(chain, chain.args)
            chain = chain.__cause__ or chain.__context__

    def everything(self) -> str:
        return "\n".join([*self.heard, *(span.to_json() for span in self.spans.get_finished_spans())])


@pytest.fixture
def ears(caplog: pytest.LogCaptureFixture) -> Iterator[Ears]:
    caplog.set_level(logging.DEBUG)
    ears = Ears()
    yield ears
    heard = ears.everything() + caplog.text
    assert "canary" not in heard
    assert AUTHORIZATION_TOKEN not in heard
    assert base64.b64encode(LAYER).decode() not in heard
    assert not re.search(r"Signature=[0-9a-f]", heard)
    assert "ecr_async" in heard, "something must have been heard"
    shown = "\n".join(ears.locals)
    body = base64.b64encode(LAYER).decode()
    secrets = (SECRET_KEY, SESSION_TOKEN, AUTHORIZATION_TOKEN, SIGNED_URL, body)
    assert not [secret for secret in secrets if secret in shown]
    assert not re.search(r"SignedHeaders=[^,]*, Signature=[0-9a-f]", shown)


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("request_", REQUESTS)
def test_whatever_goes_wrong(fault: str, request_: str, ears: Ears) -> None:
    operation, request = REQUESTS[request_]

    async def provide() -> ecr.Credentials:
        return CREDENTIALS

    @in_virtual_time
    async def check() -> None:
        async with (
            FaultServer(FAULTS[fault]) as server,
            session_for(server, credentials=provide, telemetry=ears.telemetry()) as session,
        ):
            service = session.service()
            try:
                ears.hear(await operation(service, request))
            except ecr.CallError as error:
                ears.hear_error(error)
            ears.hear(session, session.runtime, session.runtime.credentials.current, service, request)

    check()


def test_cancelling_and_closing(ears: Ears) -> None:
    @in_virtual_time
    async def check() -> None:
        async with FaultServer(faults.stall) as server:
            async with session_for(
                server, secret_access_key=SECRET_KEY, session_token=SESSION_TOKEN
            ) as session:
                calls = [
                    asyncio.create_task(
                        ecr.get_authorization_token(session.service(), ecr.GetAuthorizationTokenRequest())
                    )
                    for _ in range(2)
                ]
                await server.wait_until_requested(2)
                calls[0].cancel()
            for result in await asyncio.gather(*calls, return_exceptions=True):
                assert isinstance(result, BaseException)
                ears.heard += traceback.format_exception(result)
            ears.hear(session, *calls)

    check()


SIGNATURE = "X-Amz-Signature=canary"


@pytest.mark.parametrize(
    "url", ["file:///layer", "ftp://host/layer", "http:///layer", "http://[::1/layer", "nonsense", ""]
)
async def test_a_signed_url_that_nothing_can_be_requested_of_is_not_repeated(url: str) -> None:
    async with session() as opened:
        with pytest.raises(ecr.ResponseError, match="the URL is not one of HTTP") as caught:
            async with opened.service().download(f"{url}?{SIGNATURE}"):
                pass
    assert SIGNATURE not in "".join(traceback.format_exception(caught.value))


def test_a_signed_url_is_not_repeated_where_a_connection_takes_too_long() -> None:
    theirs = aiohttp.ConnectionTimeoutError(f"Connection timeout to host https://host/?{SIGNATURE}")
    assert str(transport_error(theirs, {})) == "no connection within the connect timeout (1 attempt)"

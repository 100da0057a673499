"""One span and one duration a call, one event an attempt, and nothing secret in any of them."""

import asyncio
import sys
from collections.abc import Mapping

import attrs
import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import HistogramDataPoint, InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode, get_current_span
from opentelemetry.util.types import AttributeValue

import ecr_async as ecr
from tests.faults.server import (
    REQUEST_ID,
    Exchange,
    FaultServer,
    describe,
    drop,
    page,
    reject,
    respond,
    session_for,
    stall,
)
from tests.virtual_time import in_virtual_time


@attrs.define
class Recorder:
    """Providers that keep in memory what they receive."""

    spans: InMemorySpanExporter = attrs.field(factory=InMemorySpanExporter)
    metrics: InMemoryMetricReader = attrs.field(factory=InMemoryMetricReader)

    tracers: TracerProvider = attrs.field(factory=lambda: TracerProvider(shutdown_on_exit=False))

    def __attrs_post_init__(self) -> None:
        self.tracers.add_span_processor(SimpleSpanProcessor(self.spans))

    def telemetry(self) -> ecr.telemetry.OpenTelemetry:
        return ecr.telemetry.OpenTelemetry(
            self.tracers, MeterProvider([self.metrics], shutdown_on_exit=False)
        )

    def the_span(self) -> ReadableSpan:
        (span,) = self.spans.get_finished_spans()
        return span

    def durations(self) -> list[HistogramDataPoint]:
        data = self.metrics.get_metrics_data()
        assert data is not None
        (metric,) = data.resource_metrics[0].scope_metrics[0].metrics
        assert (metric.name, metric.unit) == ("rpc.client.call.duration", "s")
        return [point for point in metric.data.data_points if isinstance(point, HistogramDataPoint)]


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


def events(span: ReadableSpan) -> list[Mapping[str, AttributeValue]]:
    assert {event.name for event in span.events} <= {"attempt"}
    return [dict(event.attributes or {}) for event in span.events]


def test_a_call_that_succeeds(recorder: Recorder) -> None:
    @in_virtual_time
    async def check() -> int:
        async with FaultServer(respond()) as server:
            async with session_for(server, telemetry=recorder.telemetry()) as session:
                await describe(session.service())
            return server.port

    port = check()
    span = recorder.the_span()
    common = {
        "rpc.system": "aws-api",
        "rpc.system.name": "aws-api",
        "rpc.service": "ECR",
        "rpc.method": "DescribeRepositories",
        "cloud.region": "eu-west-1",
        "server.address": "127.0.0.1",
        "server.port": port,
    }
    last_response = {
        "http.response.status_code": 200,
        "http.request.resend_count": 0,
        "aws.request_id": REQUEST_ID,
    }
    assert (span.name, span.kind) == ("ECR.DescribeRepositories", SpanKind.CLIENT)
    assert span.attributes == common | last_response
    assert span.status.status_code is StatusCode.UNSET
    assert events(span) == [last_response]
    (duration,) = recorder.durations()
    assert (duration.count, duration.attributes) == (1, common)
    assert duration.sum > 0


def test_a_call_that_succeeds_in_the_end(recorder: Recorder) -> None:
    @in_virtual_time
    async def check() -> None:
        async with (
            FaultServer(drop, page(503), respond()) as server,
            session_for(server, telemetry=recorder.telemetry()) as session,
        ):
            await describe(session.service())

    check()
    span = recorder.the_span()
    assert span.attributes is not None
    assert span.attributes["http.request.resend_count"] == 2
    assert span.status.status_code is StatusCode.UNSET
    assert events(span) == [
        {"http.request.resend_count": 0, "error.type": "ecr_async.errors.TransportError"},
        {
            "http.request.resend_count": 1,
            "http.response.status_code": 503,
            "aws.request_id": REQUEST_ID,
            "error.type": "ecr_async.errors.ResponseError",
        },
        {"http.request.resend_count": 2, "http.response.status_code": 200, "aws.request_id": REQUEST_ID},
    ]
    assert recorder.durations()[0].count == 1


def test_a_call_that_fails(recorder: Recorder) -> None:
    @in_virtual_time
    async def check() -> None:
        async with (
            FaultServer(reject("RepositoryNotFoundException")) as server,
            session_for(server, telemetry=recorder.telemetry()) as session,
        ):
            with pytest.raises(ecr.RepositoryNotFoundException):
                await describe(session.service())

    check()
    span = recorder.the_span()
    assert span.attributes is not None
    assert span.attributes["error.type"] == "RepositoryNotFoundException"
    assert span.attributes["http.response.status_code"] == 400
    assert span.status.status_code is StatusCode.ERROR
    assert (span.status.description or "").startswith("DescribeRepositories: RepositoryNotFoundException: no")
    (duration,) = recorder.durations()
    assert dict(duration.attributes or {})["error.type"] == "RepositoryNotFoundException"


def test_a_call_that_is_cancelled(recorder: Recorder) -> None:
    @in_virtual_time
    async def check() -> None:
        async with (
            FaultServer(stall) as server,
            session_for(server, telemetry=recorder.telemetry()) as session,
        ):
            call = asyncio.create_task(describe(session.service()))
            await server.wait_until_requested(1)
            call.cancel()
            with pytest.raises(asyncio.CancelledError):
                await call

    check()
    span = recorder.the_span()
    assert span.attributes is not None
    assert span.attributes["error.type"] == "asyncio.exceptions.CancelledError"
    assert events(span) == []


def test_calls_at_once_each_have_their_own_span_below_that_of_the_caller(recorder: Recorder) -> None:
    telemetry = recorder.telemetry()

    async def fail_every_other(exchange: Exchange) -> None:
        first = exchange.request.headers["amz-sdk-request"].startswith("attempt=1;")
        await (drop(exchange) if first else respond()(exchange))

    @in_virtual_time
    async def check() -> None:
        async with (
            FaultServer(fail_every_other) as server,
            session_for(server, telemetry=telemetry) as session,
        ):
            with recorder.tracers.get_tracer("tests").start_as_current_span("caller"):
                await asyncio.gather(*(describe(session.service()) for _ in range(20)))

    check()
    *calls, caller = recorder.spans.get_finished_spans()
    assert len({call.context.span_id for call in calls}) == 20
    assert all(call.parent == caller.context for call in calls)
    assert all([event["http.request.resend_count"] for event in events(call)] == [0, 1] for call in calls)


@in_virtual_time
async def test_a_session_without_it_starts_no_span() -> None:
    async def is_traced(exchange: Exchange) -> None:
        assert not get_current_span().get_span_context().is_valid
        await respond()(exchange)

    async with FaultServer(is_traced) as server, session_for(server) as session:
        await describe(session.service())


def test_without_the_extra_one_sentence_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == "opentelemetry"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "opentelemetry", None)
    monkeypatch.delitem(sys.modules, "ecr_async.telemetry", raising=False)
    monkeypatch.delattr(ecr, "telemetry", raising=False)
    with pytest.raises(ecr.MissingExtraError, match=r"pip install 'ecr-async\[otel\]'$"):
        _ = ecr.telemetry

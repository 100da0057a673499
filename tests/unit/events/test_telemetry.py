"""A span and a duration for each event that is handled, a count of each by its outcome."""

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode, get_current_span

import ecr_async as ecr
from ecr_async.events import ImageDeleted, ImagePushed, MemoryQueue, Worker
from tests.unit.events.documents import push
from tests.virtual_time import in_virtual_time


@in_virtual_time
async def test_spans_and_metrics() -> None:
    spans, metrics = InMemorySpanExporter(), InMemoryMetricReader()
    tracers = TracerProvider(shutdown_on_exit=False)
    tracers.add_span_processor(SimpleSpanProcessor(spans))
    meters = MeterProvider([metrics], shutdown_on_exit=False)
    queue = MemoryQueue(max_receives=1)
    for document in (push(1), push(1), push(2, **{"action-type": "DELETE"}), "no JSON"):
        await queue.put(document)
    telemetry = ecr.telemetry.OpenTelemetry(tracers, meters)
    worker = Worker(queue, telemetry=telemetry, concurrency=1, on_failure=lambda failure: None)

    @worker.on(ImagePushed)
    async def look(event: ImagePushed) -> None:
        get_current_span().set_attribute("seen", event.repository_name)

    @worker.on(ImageDeleted)
    async def fail(event: ImageDeleted) -> None:
        raise ValueError("a secret")

    async with worker:
        await queue.join()

    handled, failed = spans.get_finished_spans()
    assert (handled.name, handled.kind) == ("process memory", SpanKind.CONSUMER)
    assert handled.attributes == {
        "messaging.system": "aws_sqs",
        "messaging.operation.name": "process",
        "messaging.operation.type": "process",
        "messaging.destination.name": "memory",
        "messaging.message.id": "memory-1",
        "ecr_async.event.type": "ImagePushed",
        "seen": "team/app",
    }
    assert failed.status.status_code is StatusCode.ERROR
    assert failed.attributes is not None
    assert failed.attributes["error.type"] == "builtins.ValueError"
    assert "a secret" not in failed.to_json()

    data = metrics.get_metrics_data()
    assert data is not None
    by_name = {metric.name: metric.data for metric in data.resource_metrics[0].scope_metrics[0].metrics}
    outcomes = {
        (point.attributes or {})["ecr_async.event.outcome"]: getattr(point, "value", None)
        for point in by_name["ecr_async.worker.events"].data_points
    }
    assert outcomes == {"handled": 1, "duplicate": 1, "failed": 1, "malformed": 1}
    kinds = {
        str((point.attributes or {})["ecr_async.event.type"])
        for point in by_name["messaging.process.duration"].data_points
    }
    assert kinds == {"ImagePushed", "ImageDeleted"}

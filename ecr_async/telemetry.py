"""Traces and metrics with OpenTelemetry: a span and a duration for each call, an event for each attempt.

    telemetry = ecr.telemetry.OpenTelemetry()
    session = ecr.Session(telemetry=telemetry)
    worker = ecr.events.Worker(queue, telemetry=telemetry)

Needs the extra `otel`; a session without `telemetry` neither imports it nor pays for it.

Names follow the semantic conventions for AWS SDK clients, which have the span `ECR.DescribeImages`, and
those for RPC metrics. The conventions are renaming `rpc.system` to `rpc.system.name`; both are set.

See https://opentelemetry.io/docs/specs/semconv/cloud-providers/aws-sdk/
and https://opentelemetry.io/docs/specs/semconv/rpc/rpc-metrics/
"""

from __future__ import annotations

import time
from collections.abc import Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ecr_async._optional import extra
from ecr_async._pipeline.instrumentation import AttemptRecord, error_type
from ecr_async._version import __version__
from ecr_async.errors import ECRError

with extra("otel", "opentelemetry"):
    from opentelemetry.metrics import Histogram, MeterProvider, get_meter
    from opentelemetry.trace import Span, SpanKind, StatusCode, TracerProvider, get_current_span, get_tracer

if TYPE_CHECKING:
    from opentelemetry.util.types import AttributeValue
    from yarl import URL

__all__ = ["OpenTelemetry"]

DURATION_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10)
"""Seconds, as the conventions recommend them."""


class OpenTelemetry:
    """Reports a session's calls and a worker's events to OpenTelemetry; may be shared.

    A span of kind `CLIENT` covers a call with all its attempts and the delays between them. It is the
    current one meanwhile, so that what aiohttp's own instrumentation traces becomes its child. The
    histogram `rpc.client.call.duration` measures the same, in seconds.

    A span of kind `CONSUMER` covers an event's handlers, and `messaging.process.duration` measures them;
    the counter `ecr_async.worker.events` counts events by `ecr_async.event.outcome`.

    An error is named by `error.type`: the API's own name of it, else the exception's class.

    Args:
        tracer_provider: Where spans go; by default, to the global provider.
        meter_provider: Where durations go; by default, to the global provider.
    """

    def __init__(
        self, tracer_provider: TracerProvider | None = None, meter_provider: MeterProvider | None = None
    ) -> None:
        meter = get_meter("ecr_async", __version__, meter_provider)
        self._tracer = get_tracer("ecr_async", __version__, tracer_provider)
        self._outcomes = meter.create_counter(
            "ecr_async.worker.events",
            unit="{event}",
            description="Events that a worker received, by what became of them.",
        )
        self._processing = meter.create_histogram(
            "messaging.process.duration",
            unit="s",
            description="How long the handlers of an event took.",
            explicit_bucket_boundaries_advisory=DURATION_BUCKETS,
        )
        self._duration = meter.create_histogram(
            "rpc.client.call.duration",
            unit="s",
            description="How long calls of ECR took, with all their attempts.",
            explicit_bucket_boundaries_advisory=DURATION_BUCKETS,
        )

    @contextmanager
    def call(self, operation: str, region: str, url: URL) -> Generator[None, None, None]:
        """Trace and measure one call."""
        attributes: dict[str, AttributeValue] = {
            "rpc.system": "aws-api",
            "rpc.system.name": "aws-api",
            "rpc.service": "ECR",
            "rpc.method": operation,
            "cloud.region": region,
            "server.address": url.host or "",
            "server.port": url.port or 0,
        }
        with self._span(f"ECR.{operation}", SpanKind.CLIENT, attributes, self._duration):
            yield

    def attempt(self, record: AttemptRecord) -> None:
        """Add the attempt to the span of its call, whose attributes are those of the last response."""
        attributes: dict[str, AttributeValue] = {"http.request.resend_count": record.attempt - 1}
        if record.status is not None:
            attributes["http.response.status_code"] = record.status
        if record.request_id is not None:
            attributes["aws.request_id"] = record.request_id
        span = get_current_span()
        span.set_attributes(attributes)
        if record.error is not None:
            attributes["error.type"] = error_type(record.error)
        span.add_event("attempt", attributes)

    @contextmanager
    def message(self, destination: str, message_id: str, event_type: str) -> Generator[None, None, None]:
        """Trace and measure the handling of one event by a worker: a span of kind `CONSUMER`.

        See https://opentelemetry.io/docs/specs/semconv/messaging/messaging-spans/
        """
        attributes: dict[str, AttributeValue] = {
            "messaging.system": "aws_sqs",
            "messaging.operation.name": "process",
            "messaging.operation.type": "process",
            "messaging.destination.name": destination,
            "ecr_async.event.type": event_type,
        }
        with self._span(f"process {destination}", SpanKind.CONSUMER, attributes, self._processing) as span:
            span.set_attribute("messaging.message.id", message_id)
            yield

    def outcome(self, destination: str, outcome: str) -> None:
        """Count what became of an event that a worker received."""
        self._outcomes.add(1, {"messaging.destination.name": destination, "ecr_async.event.outcome": outcome})

    @contextmanager
    def _span(
        self, name: str, kind: SpanKind, attributes: dict[str, AttributeValue], duration: Histogram
    ) -> Generator[Span, None, None]:
        """Cover the block with a span, and record how long it took and how it failed."""
        started = time.perf_counter()
        with self._tracer.start_as_current_span(
            name, kind=kind, attributes=attributes, record_exception=False, set_status_on_exception=False
        ) as span:
            try:
                yield span
            except BaseException as error:
                attributes["error.type"] = error_type(error)
                span.set_attribute("error.type", error_type(error))
                # Others' errors may say anything; those of this library hold no secret.
                span.set_status(StatusCode.ERROR, str(error) if isinstance(error, ECRError) else None)
                raise
            finally:
                duration.record(time.perf_counter() - started, attributes)

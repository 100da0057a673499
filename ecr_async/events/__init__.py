"""Events of ECR, typed, and a worker that handles them.

    from ecr_async.events import ImagePushed, SqsQueue, Worker, parse_event

    event = parse_event(body)                  # EventBridge's JSON, out of SQS, SNS, Lambda or a pipe
    if isinstance(event, ImagePushed):
        print(event.repository_name, event.image_tag, event.image)

    worker = Worker(SqsQueue(boto3.client("sqs"), url))
    worker.on(ImagePushed, look_at_image)
    await worker.run(stop_on=(signal.SIGTERM,))

See https://docs.aws.amazon.com/AmazonECR/latest/userguide/ecr-eventbridge.html
"""

from ecr_async.events.aws_lambda import LambdaHandler, lambda_handler
from ecr_async.events.cloudtrail import (
    ApiCall,
    ExecutedPolicy,
    ExecutedRule,
    LifecycleImageAction,
    LifecyclePolicyExecution,
    PullFailed,
    RepositoryCreated,
)
from ecr_async.events.envelopes import Document
from ecr_async.events.errors import EventError
from ecr_async.events.event import Event, ImageEvent, TaggedImageEvent, UnknownEvent
from ecr_async.events.handlers import Handler
from ecr_async.events.images import (
    ImageAction,
    ImageDeleted,
    ImagePushed,
    ImageScan,
    ImageStorageClassChanged,
    PullThroughCacheAction,
    ReferrerAction,
    ReplicationAction,
    RepositoryScanChange,
    ScanResourceChange,
)
from ecr_async.events.inspector import (
    InspectorCoverage,
    InspectorFinding,
    InspectorScan,
    VulnerablePackage,
)
from ecr_async.events.parsing import parse_event, parse_events
from ecr_async.events.queues import MemoryQueue, Message, Queue
from ecr_async.events.reports import Counters, Failure, Outcome, WorkerTelemetry
from ecr_async.events.sqs import SqsQueue
from ecr_async.events.worker import Worker

__all__ = [
    "ApiCall",
    "Counters",
    "Document",
    "Event",
    "EventError",
    "ExecutedPolicy",
    "ExecutedRule",
    "Failure",
    "Handler",
    "ImageAction",
    "ImageDeleted",
    "ImageEvent",
    "ImagePushed",
    "ImageScan",
    "ImageStorageClassChanged",
    "InspectorCoverage",
    "InspectorFinding",
    "InspectorScan",
    "LambdaHandler",
    "LifecycleImageAction",
    "LifecyclePolicyExecution",
    "MemoryQueue",
    "Message",
    "Outcome",
    "PullFailed",
    "PullThroughCacheAction",
    "Queue",
    "ReferrerAction",
    "ReplicationAction",
    "RepositoryCreated",
    "RepositoryScanChange",
    "ScanResourceChange",
    "SqsQueue",
    "TaggedImageEvent",
    "UnknownEvent",
    "VulnerablePackage",
    "Worker",
    "WorkerTelemetry",
    "lambda_handler",
    "parse_event",
    "parse_events",
]

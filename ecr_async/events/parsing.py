"""Documents to typed events."""

from collections.abc import Callable, Mapping
from typing import Any

from ecr_async.events import cloudtrail, images, inspector
from ecr_async.events.envelopes import Document, open_envelopes
from ecr_async.events.errors import EventError
from ecr_async.events.event import Common, Event, UnknownEvent
from ecr_async.events.members import Members, moment_in

__all__ = ["parse_event", "parse_events"]

_READERS: Mapping[tuple[str, str], Callable[[Common, Members], Event | None]] = {
    ("aws.ecr", "ECR Image Action"): images.read_image_action,
    ("aws.ecr", "ECR Image Scan"): images.read_image_scan,
    ("aws.ecr", "ECR Pull Through Cache Action"): images.read_pull_through_cache_action,
    ("aws.ecr", "ECR Referrer Action"): images.read_referrer_action,
    ("aws.ecr", "ECR Replication Action"): images.read_replication_action,
    ("aws.ecr", "ECR Scan Resource Change"): images.read_scan_resource_change,
    ("aws.inspector2", "Inspector2 Coverage"): inspector.read_coverage,
    ("aws.inspector2", "Inspector2 Finding"): inspector.read_finding,
    ("aws.inspector2", "Inspector2 Scan"): inspector.read_scan,
}


def parse_event(document: Document) -> Event:
    """Return the event in a document.

        event = parse_event(message["Body"])
        if isinstance(event, ImagePushed): ...

    The document is JSON as text or bytes (UTF-8), up to 8 MiB, or what was read from it. An envelope is
    opened: the body or record of an SQS message, an SNS notification with or without raw delivery, Lambda's
    records, a pipe's array; up to 8 in one another. CloudTrail's records about ECR are understood with and
    without EventBridge's envelope.

    Members and values that are unknown are kept in `document`; an event of a kind that has no class here is
    an `UnknownEvent`.

    Raises `EventError` for a document that holds no event, or more than one (see `parse_events`), and for
    an event with members of wrong types. The message doesn't repeat the document's text.
    """
    events = parse_events(document)
    if len(events) != 1:
        raise EventError("document", f"holds {len(events)} events; parse_events returns them all")
    return events[0]


def parse_events(document: Document) -> tuple[Event, ...]:
    """Return all events in a document, in order: an envelope may hold several, or none.

    Raises `EventError`, as `parse_event` does, if anything in the document is not an event.
    """
    return tuple(_event(found) for found in open_envelopes(document))


def _event(document: dict[str, Any]) -> Event:
    members = Members(document)
    if "detail-type" in document:
        common = _common(members)
        reader = _READERS.get((common["source"], common["detail_type"]))
        if reader is None and cloudtrail.is_record(document["detail"]):
            reader = cloudtrail.read_record
        event = reader(common, members.members("detail")) if reader else None
    else:
        common = _common_of_record(members)
        event = cloudtrail.read_record(common, members)
    return event or UnknownEvent(**common)


def _common(event: Members) -> Common:
    text = event.text_or_none("time")
    return {
        "id": event.text("id"),
        "account": event.text("account"),
        "region": event.text("region"),
        "time": moment_in(text or ""),
        "time_text": text,
        "resources": event.texts("resources"),
        "source": event.text("source"),
        "detail_type": event.text("detail-type"),
        "document": event.values,
    }


def _common_of_record(record: Members) -> Common:
    """Return what EventBridge would say of a CloudTrail record that came without its envelope."""
    text = record.text_or_none("eventTime")
    owner = record.text_or_none("recipientAccountId")
    is_call = record.text_or_none("eventType") != "AwsServiceEvent"
    service = record.text("eventSource").removesuffix(".amazonaws.com")
    arns = (resource.text_or_none("ARN") for resource in record.items("resources"))
    return {
        "id": record.text("eventID"),
        "account": owner or record.members("userIdentity").text("accountId"),
        "region": record.text("awsRegion"),
        "time": moment_in(text or ""),
        "time_text": text,
        "resources": tuple(filter(None, arns)),
        "source": f"aws.{service}",
        "detail_type": f"AWS {'API Call' if is_call else 'Service Event'} via CloudTrail",
        "document": record.values,
    }

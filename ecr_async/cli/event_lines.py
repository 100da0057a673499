"""An event as one readable line."""

from collections.abc import Mapping

from ecr_async.events import (
    ApiCall,
    Event,
    ImageAction,
    ImageEvent,
    ImageScan,
    InspectorCoverage,
    InspectorFinding,
    InspectorScan,
    LifecyclePolicyExecution,
    PullThroughCacheAction,
    ReferrerAction,
    ReplicationAction,
    ScanResourceChange,
    UnknownEvent,
)

__all__ = ["line"]

DIGEST_SHOWN = len("sha256:") + 12


def line(event: Event) -> str:
    """Return when and where an event happened, what it is, about what, and what else matters."""
    moment = f"{event.time:%Y-%m-%d %H:%M:%S}" if event.time else event.time_text or "-"
    parts = [moment, event.account, event.region, type(event).__name__, _about(event), _details(event)]
    return _printable("  ".join(part for part in parts if part))


def _about(event: Event) -> str:
    match event:
        case ImageEvent():
            tag = f":{event.tags[0]}" if event.tags else ""
            digest = f"@{event.image_digest[:DIGEST_SHOWN]}" if event.image_digest else ""
            return f"{event.repository_name}{tag}{digest}"
        case LifecyclePolicyExecution():
            return event.repository_name
        case ApiCall():
            return event.repository_name or ""
        case ScanResourceChange():
            return " ".join(one.repository_name or "?" for one in event.repositories)
        case _:
            return ""


def _details(event: Event) -> str:
    match event:
        case ImageAction() | ReferrerAction():
            storage = f"to {event.target_storage_class}" if event.target_storage_class else ""
            known = ("PUSH", "DELETE", "UPDATE_STORAGE_CLASS")
            action = event.action_type if event.action_type not in known else None
            failed = event.result if not event.succeeded else None
            return _joined("index" if event.is_index else None, storage, action, failed)
        case ImageScan() | InspectorScan():
            return _joined(event.scan_status, _counts(event.finding_severity_counts))
        case InspectorFinding():
            return _joined(event.severity, event.status, event.title)
        case InspectorCoverage():
            return _joined(event.status_code, event.reason)
        case ReplicationAction():
            return _joined(event.result, f"from {event.source_account} {event.source_region}")
        case PullThroughCacheAction():
            return _joined(event.sync_status, event.failure_code, event.failure_reason)
        case LifecyclePolicyExecution():
            return f"{len(event.image_actions)} images, {len(event.failures)} failures"
        case ApiCall():
            return _joined(event.event_name, event.error_code)
        case ScanResourceChange():
            return _joined(*(one.scan_frequency for one in event.repositories))
        case UnknownEvent():
            return f"{event.source}: {event.detail_type}"
        case _:
            return ""


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {severity}" for severity, count in counts.items() if count)


def _joined(*parts: str | None) -> str:
    return " ".join(part for part in parts if part)


def _printable(text: str) -> str:
    """Return the text without what would end the line or steer a terminal."""
    return "".join(
        character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text
    )

"""The envelopes that events come in: SQS bodies, SNS notifications, Lambda's records, a pipe's arrays, log
files.

Opening an envelope yields the JSON objects in it that claim to be events, which `parsing` then reads.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any, NoReturn, TypeAlias, cast

from ecr_async.events.cloudtrail import is_record
from ecr_async.events.errors import EventError

__all__ = ["MAX_DOCUMENT_BYTES", "Document", "open_envelopes", "read_json"]

Document: TypeAlias = str | bytes | bytearray | Mapping[str, Any] | list[Any]
"""An event, or what it comes in: JSON as text or bytes (UTF-8), or what was read from it."""

MAX_DOCUMENT_BYTES = 8 * 1024 * 1024
"""Bytes or characters; more than Lambda, SQS and EventBridge admit in one document."""

DEEPEST = 8
"""How many envelopes may be in one another. Pipes, SQS, SNS and EventBridge together make four."""


def open_envelopes(document: object, depth: int = 0) -> Iterator[dict[str, Any]]:
    """Yield each event in a document, however it is wrapped.

    Raises `EventError` when something in it is neither an event nor an envelope of one.
    """
    if depth > DEEPEST:
        raise EventError("document", f"has more than {DEEPEST} envelopes in one another")
    match document:
        case str() | bytes() | bytearray():
            yield from open_envelopes(read_json(document), depth + 1)
        case list():
            for item in cast("list[object]", document):
                yield from open_envelopes(item, depth + 1)
        case Mapping():
            yield from _open_object(dict(cast("Mapping[str, Any]", document)), depth)
        case _:
            raise EventError("document", "must be a JSON object, or JSON as text or bytes")


def _open_object(document: dict[str, Any], depth: int) -> Iterator[dict[str, Any]]:
    match document:
        case {"detail-type": _, "detail": _}:
            yield document
        case {"Records": list()}:  # of Lambda, and of CloudTrail's log files
            yield from open_envelopes(document["Records"], depth)
        case {"body": inner, "messageId": _}:  # SQS, by Lambda or a pipe
            yield from open_envelopes(inner, depth + 1)
        case {"Body": inner, "MessageId": _}:  # SQS, by one of AWS's own clients
            yield from open_envelopes(inner, depth + 1)
        case {"Sns": {"Message": inner}}:  # SNS, by Lambda
            yield from open_envelopes(inner, depth + 1)
        case {"Type": "Notification", "Message": inner}:  # SNS, in SQS or over HTTP
            yield from open_envelopes(inner, depth + 1)
        case {"Type": "SubscriptionConfirmation" | "UnsubscribeConfirmation"}:
            raise EventError("document", "is a confirmation of an SNS subscription, not an event")
        case _ if is_record(document):  # of CloudTrail, out of a log file
            yield document
        case _:
            raise EventError("document", "is neither an event nor one of the envelopes that events come in")


def read_json(text: str | bytes | bytearray) -> Any:
    """Return the JSON value in a text. Raises `EventError`, which doesn't repeat the text.

    This is the standard library's reader, since an event's document is kept as it came, whole: integers
    of any size and unpaired surrogates included, which faster readers reject or round.
    """
    if len(text) > MAX_DOCUMENT_BYTES:
        raise EventError("document", f"is longer than {MAX_DOCUMENT_BYTES:,} bytes, not {len(text):,}")
    try:
        decoded = text if isinstance(text, str) else bytes(text).decode("utf-8-sig")
        return json.loads(decoded.removeprefix("\ufeff"), parse_constant=_reject_constant)
    except UnicodeDecodeError:
        raise EventError("document", "is not UTF-8") from None
    except json.JSONDecodeError as error:
        raise EventError("document", f"is not JSON: {error}") from None
    except RecursionError:
        raise EventError("document", "is not JSON that can be read: too many values in one another") from None
    except ValueError:
        raise EventError("document", "is not JSON: a number is too long or not finite") from None


def _reject_constant(name: str) -> NoReturn:
    raise ValueError(name)

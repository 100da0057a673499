"""What all events have in common."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, TypedDict, cast

import attrs

from ecr_async.api.common import ImageIdentifier
from ecr_async.errors import ConfigurationError
from ecr_async.events.errors import EventError
from ecr_async.service import Service
from ecr_async.session import OpenSession

__all__ = ["Common", "Event", "ImageEvent", "TaggedImageEvent", "UnknownEvent"]


class Common(TypedDict):
    """The fields of every event, as its class takes them."""

    id: str
    account: str
    region: str
    time: datetime | None
    time_text: str | None
    resources: tuple[str, ...]
    source: str
    detail_type: str
    document: Mapping[str, Any]


@attrs.frozen(kw_only=True, eq=False, repr=False)
class Event:
    """An event, as EventBridge delivers it: the base of all classes of `ecr_async.events`.

    Made by `parse_event`. Delivery is best effort: events may be lost, repeated or out of order.

    See https://docs.aws.amazon.com/AmazonECR/latest/userguide/ecr-eventbridge.html
    """

    id: str
    """EventBridge's identifier of the event. A repeated delivery has the same one."""
    account: str
    """The account, 12 digits, in whose registry it happened. Of a replication, the destination's."""
    region: str
    """The region in which it happened. Of a replication, the destination's."""
    time: datetime | None
    """When it happened, aware. `None` where the event's text names no moment that exists."""
    time_text: str | None
    """The same as the event has it."""
    resources: tuple[str, ...]
    """ARNs, for some kinds of events that of the repository; often empty."""
    source: str
    """`aws.ecr` or `aws.inspector2` for the events that have classes of their own."""
    detail_type: str
    """EventBridge's name of the kind of event: `ECR Image Action`, …"""
    document: Mapping[str, Any]
    """The whole event, including members that this version of the library has no fields for."""

    def to_json(self) -> str:
        """Return the event's document as JSON on one line, with all that was in it."""
        return json.dumps(self.document, separators=(",", ":"))

    def service(self, session: OpenSession) -> Service:
        """Return the ECR of the event's region, as `session` sees it.

            event.service(session)                               # events of the session's own account
            event.service(await fleet.session(event.account))    # of several accounts, entered by role

        The session's credentials must be good for the event's account, or calls be made with
        `registry_id=event.account`.
        """
        if not isinstance(cast("object", session), OpenSession):
            raise ConfigurationError(f"session: must be a Session, not {type(session).__name__}")
        return session.service(self.region)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Event) or other.__class__ is not self.__class__:
            return NotImplemented
        return self.document == other.document

    def __hash__(self) -> int:
        return hash((self.__class__, self.id))

    def __repr__(self) -> str:
        names = (field.name for field in attrs.fields(self.__class__) if field.name != "document")
        shown = {name: getattr(self, name) for name in names}
        fields = (f"{name}={value!r}" for name, value in shown.items() if value not in (None, (), {}))
        return f"{self.__class__.__name__}({', '.join(fields)})"


@attrs.frozen(kw_only=True, eq=False, repr=False)
class UnknownEvent(Event):
    """An event of a kind that has no class here, of ECR or of any other source."""


@attrs.frozen(kw_only=True, eq=False, repr=False)
class ImageEvent(Event):
    """Base of the events that are about one image of a repository."""

    repository_name: str
    """The repository's name, namespace included."""
    image_digest: str | None
    """The digest of the image's manifest."""

    @property
    def tags(self) -> tuple[str, ...]:
        """The tags that the event names; often not all that the image has."""
        raise NotImplementedError

    @property
    def image(self) -> ImageIdentifier:
        """The identifier to call with: the digest, which no later push changes, else a tag.

        Raises `EventError` where the event names neither.
        """
        if self.image_digest is not None:
            return ImageIdentifier(image_digest=self.image_digest)
        if not self.tags:
            raise EventError("detail", "has neither a digest nor a tag of the image")
        return ImageIdentifier(image_tag=self.tags[0])


@attrs.frozen(kw_only=True, eq=False, repr=False)
class TaggedImageEvent(ImageEvent):
    """Base of the events that name an image with at most one tag."""

    image_tag: str | None
    """The tag that was meant; `None` for an image that was named by its digest alone."""

    @property
    def tags(self) -> tuple[str, ...]:
        """The tag that the event names, if any."""
        return () if self.image_tag is None else (self.image_tag,)

    @property
    def is_tagged(self) -> bool:
        """Whether the event names a tag. Do not build `repository:tag` from one that doesn't."""
        return self.image_tag is not None

"""Reading JSON objects member by member: types are checked, absent members are `None` or empty.

A member that is null counts as absent, and so does a text that is empty: ECR sends `"image-tag": ""` for an
image without a tag.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, cast

import attrs

from ecr_async.events.errors import EventError

__all__ = ["Members", "moment_in"]


@attrs.frozen
class Members:
    """A JSON object, and the path to it, for error messages."""

    values: Mapping[str, Any]
    path: str = ""

    def has(self, name: str) -> bool:
        """Return whether the member is there, and neither null nor an empty text."""
        return self.values.get(name) not in (None, "")

    def text(self, name: str) -> str:
        """Return a text that must be there."""
        value = self.text_or_none(name)
        if value is None:
            raise EventError(self._path_to(name), "is required")
        return value

    def text_or_none(self, name: str) -> str | None:
        """Return a text, or None where it is absent."""
        if not self.has(name):
            return None
        value = self.values[name]
        if not isinstance(value, str):
            raise self._unfit(name, "text", value)
        return value

    def integer_or_none(self, name: str) -> int | None:
        """Return an integer, or None where it is absent."""
        value = self.number_or_none(name)
        if value is None or isinstance(value, int):
            return value
        if not value.is_integer():
            raise self._unfit(name, "an integer", value)
        return int(value)

    def number_or_none(self, name: str) -> float | None:
        """Return a number, or None where it is absent."""
        if not self.has(name):
            return None
        value = self.values[name]
        if not isinstance(value, int | float) or isinstance(value, bool):
            raise self._unfit(name, "a number", value)
        return value

    def flag_or_none(self, name: str) -> bool | None:
        """Return true or false, or None where it is absent."""
        if not self.has(name):
            return None
        value = self.values[name]
        if not isinstance(value, bool):
            raise self._unfit(name, "true or false", value)
        return value

    def texts(self, name: str) -> tuple[str, ...]:
        """Return a list of texts, empty where it is absent. Items that are null are left out."""
        texts: list[str] = []
        for item in self._list(name):
            if isinstance(item, str):
                texts.append(item)
            elif item is not None:
                raise self._unfit(name, "a list of texts", item)
        return tuple(texts)

    def counts(self, name: str) -> Mapping[str, int]:
        """Return an object whose members are integers, empty where it is absent."""
        members = self.members(name)
        counts = {key: members.integer_or_none(key) for key in members.values}
        return {key: count for key, count in counts.items() if count is not None}

    def members(self, name: str) -> "Members":
        """Return an object, empty where it is absent."""
        path = self._path_to(name)
        if not self.has(name):
            return Members({}, path)
        value = self.values[name]
        if not isinstance(value, dict):
            raise self._unfit(name, "an object", value)
        return Members(cast("dict[str, Any]", value), path)

    def items(self, name: str) -> "list[Members]":
        """Return a list of objects, empty where it is absent."""
        found: list[Members] = []
        for place, item in enumerate(self._list(name)):
            if not isinstance(item, dict):
                raise self._unfit(f"{name}[{place}]", "an object", item)
            found.append(Members(cast("dict[str, Any]", item), self._path_to(f"{name}[{place}]")))
        return found

    def moment(self, name: str) -> datetime | None:
        """Return the moment that a text names, or None where it is absent or names none."""
        return moment_in(self.text_or_none(name) or "")

    def moment_of_milliseconds(self, name: str) -> datetime | None:
        """Return the moment that is so many milliseconds after 1970; None where it is absent or 0."""
        milliseconds = self.number_or_none(name)
        if not milliseconds:
            return None
        try:
            return datetime.fromtimestamp(milliseconds / 1000, UTC)
        except (OverflowError, OSError, ValueError):
            return None

    def _list(self, name: str) -> list[object]:
        if not self.has(name):
            return []
        value = self.values[name]
        if not isinstance(value, list):
            raise self._unfit(name, "a list", value)
        return cast("list[object]", value)

    def _path_to(self, name: str) -> str:
        return f"{self.path}.{name}" if self.path else name

    def _unfit(self, name: str, expected: str, value: object) -> EventError:
        return EventError(self._path_to(name), f"must be {expected}, not {_KINDS.get(type(value), 'that')}")


_KINDS: Mapping[type, str] = {
    bool: "true or false",
    dict: "an object",
    float: "a number",
    int: "a number",
    list: "a list",
    str: "text",
}

_WRITTEN_OUT = re.compile(
    r"(?P<month>[A-Z][a-z]{2}) (?P<day>\d{1,2}), (?P<year>\d{4}),\s"
    r"(?P<hour>\d{1,2}):(?P<minute>\d{2}):(?P<second>\d{2})\s(?P<half>[AP]M)"
)
"""Inspector's own way of writing a time: `Dec 3, 2021, 6:02:30 PM`, in UTC."""

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def moment_in(text: str) -> datetime | None:
    """Return the moment that a text names, aware; UTC where it has no zone. None where it names none."""
    try:
        written_out = _WRITTEN_OUT.fullmatch(text)
        moment = _moment_of(written_out) if written_out else datetime.fromisoformat(text)
    except ValueError:  # also for a day that doesn't exist, of which AWS's own samples have one
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _moment_of(written: re.Match[str]) -> datetime:
    hour = int(written["hour"]) % 12 + (12 if written["half"] == "PM" else 0)
    return datetime(
        int(written["year"]),
        _MONTHS.index(written["month"]) + 1,
        int(written["day"]),
        hour,
        int(written["minute"]),
        int(written["second"]),
        tzinfo=UTC,
    )

"""A role and how to assume it, as STS takes it.

See https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
"""

import re
from typing import Any

import attrs

from ecr_async.errors import ValidationError

__all__ = ["Role", "check_role_name"]

_ROLE_NAME = r"(?:[!-9;-~]{1,510}/)?[\w+=,.@-]{1,64}"
_ARN = rf"arn:aws[a-z-]*:iam::\d{{12}}:role/{_ROLE_NAME}"
_SESSION_NAME = r"[\w+=,.@-]{2,64}"
_EXTERNAL_ID = r"[\w+=,.@:/-]{2,1224}"


def _check_arn(_: Any, __: Any, value: Any) -> None:
    if not isinstance(value, str) or not re.fullmatch(_ARN, value, re.ASCII):
        raise ValidationError("role_arn", "must be of the form arn:aws:iam::123456789012:role/name")


def check_role_name(name: object) -> str:
    """Return a role's name, with its path if it has one. Raises `ValidationError` for an invalid one."""
    if not isinstance(name, str) or not re.fullmatch(_ROLE_NAME, name, re.ASCII):
        raise ValidationError("role", "must be a role's name, as in the ARN after role/")
    return name


def _check_session_name(_: Any, __: Any, value: Any) -> None:
    if not isinstance(value, str) or not re.fullmatch(_SESSION_NAME, value, re.ASCII):
        raise ValidationError("session_name", "must be 2 to 64 letters, digits, or characters of _+=,.@-")


def _check_external_id(_: Any, __: Any, value: Any) -> None:
    if value is not None and (not isinstance(value, str) or not re.fullmatch(_EXTERNAL_ID, value, re.ASCII)):
        raise ValidationError("external_id", "must be 2 to 1,224 letters, digits, or characters of _+=,.@:/-")


def _check_duration(_: Any, __: Any, value: Any) -> None:
    if not isinstance(value, int) or not 900 <= value <= 43200:
        raise ValidationError("duration", "must be a whole number of seconds from 900 to 43,200")


@attrs.frozen
class Role:
    """A role, and how to assume it. Raises `ValidationError` for what STS would reject."""

    arn: str = attrs.field(validator=_check_arn)
    session_name: str = attrs.field(validator=_check_session_name)
    duration: int = attrs.field(validator=_check_duration)
    external_id: str | None = attrs.field(default=None, validator=_check_external_id, repr=False)

    @property
    def account(self) -> str:
        """The account that the role is in."""
        return self.arn.split(":")[4]

    @property
    def partition(self) -> str:
        """The partition that the role is in."""
        return self.arn.split(":")[1]

"""The targets, one module each kind of input."""

from tests.fuzz.target import Target
from tests.fuzz.targets import errors, redaction, responses

__all__ = ["TARGETS"]

TARGETS: list[Target] = [*responses.TARGETS, errors.TARGET, redaction.TARGET]

"""The targets, one module each kind of input."""

from tests.fuzz.target import Target
from tests.fuzz.targets import (
    archives,
    checkpoints,
    credentials,
    errors,
    events,
    lifecycle,
    logins,
    manifests,
    redaction,
    requests,
    responses,
    settings,
    sockets,
    texts,
)

__all__ = ["TARGETS"]

TARGETS: list[Target] = [
    *responses.TARGETS,
    errors.TARGET,
    redaction.TARGET,
    *requests.TARGETS,
    *sockets.TARGETS,
    lifecycle.TARGET,
    events.TARGET,
    manifests.TARGET,
    *archives.TARGETS,
    *checkpoints.TARGETS,
    settings.TARGET,
    *credentials.TARGETS,
    *logins.TARGETS,
    *texts.TARGETS,
]

"""Vulnerability scans as the store holds them, and which images are scanned."""

from fnmatch import fnmatchcase

import attrs

from ecr_async.api.scanning import RegistryScanningConfiguration, RegistryScanningRule
from ecr_async.local.authentication import Caller
from ecr_async.local.rules import events
from ecr_async.local.rules.findings import count_severities
from ecr_async.local.rules.registry import Registry, RepositoryRecord, Scope
from ecr_async.oci.media_types import INDEX_MEDIA_TYPES

__all__ = [
    "KIND",
    "begin_scan",
    "complete_scans",
    "find_scan",
    "matching_rules",
    "poll_scan",
    "scan_on_push",
    "scanning_configuration",
]

KIND = "scanning"


def scan_on_push(registry: Registry, record: RepositoryRecord, image_id: int, media_type: str) -> None:
    """Scan an image that was just pushed, if its repository or the registry wants that."""
    wanted = record.scan_on_push or any(
        rule.scan_frequency != "MANUAL" for rule in matching_rules(scanning_configuration(registry), record)
    )
    if wanted and media_type not in INDEX_MEDIA_TYPES:
        begin_scan(registry, record, image_id)


def begin_scan(registry: Registry, record: RepositoryRecord, image_id: int) -> None:
    """Begin a scan of an image, in place of the last one."""
    polls = registry.rules.scan_polls
    registry.db.execute("INSERT OR REPLACE INTO scans VALUES (?, ?, ?)", (image_id, registry.now, polls))
    if polls == 0:
        _report_completion(registry, record, image_id)
    elif registry.outbox is not None:
        registry.outbox.expect_scan(registry.transaction)


def poll_scan(registry: Registry, record: RepositoryRecord, image_id: int) -> None:
    """Find a scan in progress, once more and perhaps for the last time."""
    registry.require_write()
    ((polls_left,),) = registry.db.execute(
        "UPDATE scans SET polls_left = polls_left - 1 WHERE image_id = ? RETURNING polls_left", (image_id,)
    ).fetchall()
    if polls_left == 0:
        _report_completion(registry, record, image_id)


def complete_scans(registry: Registry) -> None:
    """Complete every scan that is in progress, of whichever account and region."""
    rows = registry.db.execute(
        "UPDATE scans SET polls_left = 0 WHERE polls_left > 0 RETURNING image_id, "
        "(SELECT repository_id FROM images WHERE id = image_id)"
    ).fetchall()
    for image_id, repository_id in rows:
        row = registry.db.execute("SELECT * FROM repositories WHERE id = ?", (repository_id,)).fetchone()
        _report_completion(registry, RepositoryRecord(*row), image_id)


def _report_completion(registry: Registry, record: RepositoryRecord, image_id: int) -> None:
    if registry.outbox is None:
        return
    (digest,) = registry.db.execute("SELECT digest FROM images WHERE id = ?", (image_id,)).fetchone()
    tags = registry.db.execute("SELECT tag FROM tags WHERE image_id = ? ORDER BY tag", (image_id,)).fetchall()
    owner = attrs.evolve(registry, scope=Scope(Caller(record.account, record.region), "", ""))
    events.image_scanned(
        registry,
        record,
        digest,
        [tag for (tag,) in tags],
        count_severities(digest),
        is_enhanced=scanning_configuration(owner).scan_type == "ENHANCED",
    )


def find_scan(registry: Registry, image_id: int) -> tuple[float, int] | None:
    """Return when an image's scan was started, and how often it will yet be found in progress."""
    row: tuple[float, int] | None = registry.db.execute(
        "SELECT started_at, polls_left FROM scans WHERE image_id = ?", (image_id,)
    ).fetchone()
    return row


def scanning_configuration(registry: Registry) -> RegistryScanningConfiguration:
    """Return the registry's scanning configuration, or its default."""
    return registry.setting(KIND, RegistryScanningConfiguration) or RegistryScanningConfiguration("BASIC")


def matching_rules(
    configuration: RegistryScanningConfiguration, record: RepositoryRecord
) -> list[RegistryScanningRule]:
    """Return those of the registry's rules that are for a repository."""
    return [
        rule
        for rule in configuration.rules
        if any(_matches(one.filter, record.name) for one in rule.repository_filters)
    ]


def _matches(pattern: str, name: str) -> bool:
    """A filter without a wildcard matches what has it anywhere in its name."""
    return fnmatchcase(name, pattern if "*" in pattern else f"*{pattern}*")

"""Vulnerability scans as the store holds them, and which images are scanned."""

from fnmatch import fnmatchcase

from ecr_async.api.scanning import RegistryScanningConfiguration, RegistryScanningRule
from ecr_async.local.manifests import INDEX_MEDIA_TYPES
from ecr_async.local.registry import Registry, RepositoryRecord

__all__ = ["KIND", "begin_scan", "find_scan", "matching_rules", "scan_on_push", "scanning_configuration"]

KIND = "scanning"


def scan_on_push(registry: Registry, record: RepositoryRecord, image_id: int, media_type: str) -> None:
    """Scan an image that was just pushed, if its repository or the registry wants that."""
    wanted = record.scan_on_push or any(
        rule.scan_frequency != "MANUAL" for rule in matching_rules(scanning_configuration(registry), record)
    )
    if wanted and media_type not in INDEX_MEDIA_TYPES:
        begin_scan(registry, image_id)


def begin_scan(registry: Registry, image_id: int) -> None:
    """Begin a scan of an image, in place of the last one."""
    registry.db.execute(
        "INSERT OR REPLACE INTO scans VALUES (?, ?, ?)", (image_id, registry.now, registry.rules.scan_polls)
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

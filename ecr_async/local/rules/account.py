"""What an account has set for its registry, where more than one operation or door goes by it."""

from typing import Final

from ecr_async.api.registry import GetAccountSettingResponse, RegisterPullTimeUpdateExclusionResponse
from ecr_async.local.rules.registry import Registry

__all__ = ["ACCOUNT_SETTINGS", "EXCLUSION", "SETTING", "account_setting", "may_mount", "pulls_count"]

SETTING: Final = "account setting"
EXCLUSION: Final = "pull time update exclusion"

ACCOUNT_SETTINGS = {
    "BASIC_SCAN_TYPE_VERSION": ("AWS_NATIVE",),
    "REGISTRY_POLICY_SCOPE": ("V2",),
    "BLOB_MOUNTING": ("DISABLED", "ENABLED"),
}
"""What the settings may be; the first is the default."""


def account_setting(registry: Registry, name: str) -> str:
    """Return the value of a setting, or its default."""
    kept = registry.setting(SETTING, GetAccountSettingResponse, name)
    return (kept and kept.value) or ACCOUNT_SETTINGS[name][0]


def may_mount(registry: Registry) -> bool:
    """Return whether repositories of the registry may share a layer instead of uploading it again.

    https://docs.aws.amazon.com/AmazonECR/latest/userguide/blob-mounting.html
    """
    return account_setting(registry, "BLOB_MOUNTING") == "ENABLED"


def pulls_count(registry: Registry, principal: str) -> bool:
    """Return whether a principal's pulls change the recorded pull time of a registry's images."""
    return registry.setting(EXCLUSION, RegisterPullTimeUpdateExclusionResponse, principal) is None

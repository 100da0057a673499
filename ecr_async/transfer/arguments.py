"""Arguments that the transfers share, checked before anything is read or sent."""

import re

from ecr_async._arguments import check_kinds, check_strings
from ecr_async.errors import ValidationError
from ecr_async.oci.digests import is_digest
from ecr_async.oci.manifests import ManifestError, Platform

__all__ = ["check_names", "check_platforms", "check_reference", "check_registry_ids", "check_tags"]

_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,299}")
"""A tag as ECR takes it.

See https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_PutImage.html
"""

_REGISTRY_ID = re.compile(r"[0-9]{12}")

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.:@/+-]*")
"""A name in a layout, which may be a tag or more.

See https://github.com/opencontainers/image-spec/blob/main/annotations.md
"""


def check_reference(reference: object) -> str:
    """Return a reference that is a tag or a digest. Raises `ValidationError` for anything else."""
    if not isinstance(reference, str):
        raise ValidationError("reference", f"must be a tag or a digest, not {type(reference).__name__}")
    if not is_digest(reference) and not _TAG.fullmatch(reference):
        raise ValidationError("reference", f"must be a tag or a digest, not {reference[:80]!r}")
    return reference


def check_tags(tags: object) -> tuple[str, ...]:
    """Return tags, each once. Raises `ValidationError` for what cannot be one."""
    return _each("tags", tags, _TAG, "a tag: 1 to 300 of the letters A to Z and a to z, digits, _ . -")


def check_names(names: object) -> tuple[str, ...]:
    """Return the names that a layout lists an image under, each once. Raises `ValidationError`."""
    return _each("tags", names, _NAME, "a tag or a name")


def check_registry_ids(**arguments: object) -> None:
    """Raise `ValidationError` for the first of the arguments that is neither None nor an AWS account ID."""
    check_kinds(str | None, **arguments)
    for name, value in arguments.items():
        if value is not None and not _REGISTRY_ID.fullmatch(str(value)):
            raise ValidationError(name, f"must be an AWS account ID of 12 digits, not {value!r:.80}")


def check_platforms(platforms: object) -> tuple[str, ...] | None:
    """Return platforms, or None for all of them. Raises `ValidationError` for what cannot be one."""
    if platforms is None:
        return None
    given = check_strings("platforms", platforms)
    if not given:
        raise ValidationError("platforms", "must not be empty; None stands for all platforms")
    for index, each in enumerate(given):
        try:
            Platform.parse(each)
        except ManifestError as error:
            raise ValidationError(f"platforms[{index}]", str(error)) from None
    return given


def _each(name: str, given: object, pattern: re.Pattern[str], meaning: str) -> tuple[str, ...]:
    texts = tuple(dict.fromkeys(check_strings(name, given)))
    for index, each in enumerate(texts):
        if not pattern.fullmatch(each):
            raise ValidationError(f"{name}[{index}]", f"must be {meaning}, not {each[:80]!r}")
    return texts

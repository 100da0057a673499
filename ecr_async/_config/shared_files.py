"""The AWS config and credentials files.

Both may hold secrets, on any line. What a line holds is therefore never repeated, only where it is.
"""

from __future__ import annotations

import os
import re
from importlib import import_module
from typing import TYPE_CHECKING, Any, cast

from ecr_async._config.paths import expand
from ecr_async._secret import Secret
from ecr_async.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["first_line", "read_shared_files"]

_MAY_HOLD_SECRETS = "secret|token|password|aws_access_key|credential_process"


def read_shared_files(config_file: str, credentials_file: str) -> Mapping[str, Any]:
    """Return both files' settings, a profile's joined; the credentials file's win, as in boto3.

    What may be a secret is left out. Raises `ConfigurationError` for a file that cannot be read.
    """
    configloader = import_module("botocore.configloader")
    files = _parse(configloader.load_config, config_file)
    profiles: dict[str, Mapping[str, Any]] = {
        name: _without_secrets(section) for name, section in files.get("profiles", {}).items()
    }
    for name, section in _parse(configloader.raw_config_parse, credentials_file).items():
        profiles[name] = {**profiles.get(name, {}), **_without_secrets(section)}
    services = {name: _without_secrets(section) for name, section in files.get("services", {}).items()}
    return {"profiles": profiles, "services": services}


def first_line(text: object) -> str:
    """Return a text up to its first line end, written as such or as an escape, without a URL's password.

    An indented line of a file is part of the value above it, and may be a secret.
    """
    line = re.split(r"[\r\n]|\\+[rn]", str(text), maxsplit=1)[0]
    return re.sub(r"//[^/\s]*@", "//***@", line)


def _parse(parser: Callable[[str], Mapping[str, Any]], path: str) -> Mapping[str, Any]:
    exceptions = import_module("botocore.exceptions")
    if os.path.isfile(expand(path)) and not os.access(expand(path), os.R_OK):
        raise ConfigurationError(f"{path} cannot be read: permission denied")
    try:
        return parser(path)
    except exceptions.ConfigNotFound:
        return {}
    except exceptions.ConfigParseError:
        # Falls through, so that nothing of this error is chained: it repeats the line that
        # couldn't be read, which may hold a secret.
        pass
    from ecr_async._config.file_faults import describe_fault  # noqa: PLC0415 - most files have none

    raise ConfigurationError(describe_fault(path))


def _without_secrets(section: Mapping[str, Any]) -> Mapping[str, Any]:
    return {
        key: _without_secrets(cast("dict[str, Any]", value)) if isinstance(value, dict) else Secret(value)
        for key, value in section.items()
        if not re.search(_MAY_HOLD_SECRETS, key)
    }

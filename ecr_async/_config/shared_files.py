"""The AWS config and credentials files: reading them, and saying what is wrong with one.

Both may hold secrets, on any line. What a line holds is therefore never repeated, only where it is.
"""

from __future__ import annotations

import configparser
import os
import re
from importlib import import_module
from typing import TYPE_CHECKING, Any, cast

from ecr_async._secret import Secret
from ecr_async.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["describe_fault", "expand", "first_line", "read_shared_files"]

_MARKS = {
    b"\xef\xbb\xbf": "it begins with a byte order mark; save it as UTF-8 without one",
    b"\xff\xfe": "it is in UTF-16; save it as UTF-8",
    b"\xfe\xff": "it is in UTF-16; save it as UTF-8",
}

_MAY_HOLD_SECRETS = re.compile("secret|token|password|aws_access_key|credential_process")


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


def describe_fault(path: str) -> str:
    """Return what keeps a file from being parsed: its name, the line, the reason."""
    try:
        with open(expand(path), "rb") as file:
            content = file.read()
    except OSError as error:
        return f"{path} cannot be read: {error.strerror}"
    for mark, reason in _MARKS.items():
        if content.startswith(mark):
            return f"{path} cannot be parsed: {reason}"
    try:
        configparser.RawConfigParser().read_string(content.decode())
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        return f"{path} cannot be parsed: line {line} is not in UTF-8"
    except configparser.Error as error:
        return f"{path} cannot be parsed: {_fault_of(error)}"
    return f"{path} cannot be parsed: an indented line is not of the form key = value"


def _fault_of(error: configparser.Error) -> str:
    if isinstance(error, configparser.DuplicateSectionError):
        return f"line {error.lineno} repeats a section that is there already"
    if isinstance(error, configparser.DuplicateOptionError):
        return f"line {error.lineno} repeats a key of its section"
    if isinstance(error, configparser.MissingSectionHeaderError):
        return f"line {error.lineno} stands before the first [section]"
    if isinstance(error, configparser.ParsingError) and error.errors:
        return f"line {error.errors[0][0]} is not of the form key = value"
    return "it is not an INI file"


def first_line(text: object) -> str:
    """Return a text up to its first line end, written as such or as an escape, without a URL's password.

    An indented line of a file is part of the value above it, and may be a secret.
    """
    line = re.split(r"[\r\n]|\\+[rn]", str(text), maxsplit=1)[0]
    return re.sub(r"//[^/\s]*@", "//***@", line)


def expand(path: str) -> str:
    """Return a path with `~` and variables replaced, as botocore does it."""
    return os.path.expanduser(os.path.expandvars(path))


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
    raise ConfigurationError(describe_fault(path))


def _without_secrets(section: Mapping[str, Any]) -> Mapping[str, Any]:
    return {
        key: _without_secrets(cast("dict[str, Any]", value)) if isinstance(value, dict) else Secret(value)
        for key, value in section.items()
        if not _MAY_HOLD_SECRETS.search(key)
    }

"""What is wrong with a config or credentials file that cannot be read.

It may hold secrets, on any line. What a line holds is therefore never repeated, only where it is.
"""

import configparser

from ecr_async._config.paths import expand

__all__ = ["describe_fault"]

_MARKS = {
    b"\xef\xbb\xbf": "it begins with a byte order mark; save it as UTF-8 without one",
    b"\xff\xfe": "it is in UTF-16; save it as UTF-8",
    b"\xfe\xff": "it is in UTF-16; save it as UTF-8",
}


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

"""Arguments of public functions, checked at run time: types first, as not everybody runs a type checker.

The mistakes that matter are those that Python lets pass: text where a list belongs is a list of its letters,
True is the number 1, and a NaN is neither below nor above any bound.
"""

import inspect
import os
from collections.abc import Iterable
from pathlib import Path
from types import NoneType, UnionType
from typing import cast, get_args

from ecr_async.errors import ValidationError

__all__ = [
    "as_path",
    "check_choice",
    "check_functions",
    "check_kinds",
    "check_number",
    "check_path",
    "check_strings",
    "kind_fault",
    "number_fault",
]

_WORDS: dict[type, str] = {str: "a string", bool: "True or False", NoneType: "None"}


def number_fault(
    value: object,
    *,
    least: float | None = None,
    above: float | None = None,
    most: float | None = None,
    whole: bool = False,
    unit: str = "",
) -> str | None:
    """Return what is wrong with a number, such as "must be at least 1, not 0"; None if nothing is."""
    if isinstance(value, bool) or not isinstance(value, int if whole else int | float):
        return (
            f"must be a {'whole ' if whole else ''}number{unit and f' of{unit}'}, not {type(value).__name__}"
        )
    number = cast("float", value)
    if least is not None and most is not None and not least <= number <= most:
        return f"must be {least} to {most}{unit}, not {number}"
    if least is not None and not number >= least:
        return f"must be at least {least:g}{unit}, not {number}"
    if above is not None and not number > above:
        return f"must be more than {above:g}{unit}, not {number}"
    if most is not None and not number <= most:
        return f"must be at most {most}{unit}, not {number}"
    return None


def check_number(
    name: str,
    value: object,
    *,
    least: float | None = None,
    above: float | None = None,
    whole: bool = False,
    unit: str = "",
) -> None:
    """Raise `ValidationError` that names the argument unless it is a number within its bounds."""
    fault = number_fault(value, least=least, above=above, whole=whole, unit=unit)
    if fault is not None:
        raise ValidationError(name, fault)


def check_strings(name: str, value: object) -> tuple[str, ...]:
    """Return a list of strings as a tuple. Raises `ValidationError` for anything else, such as one string."""
    if isinstance(value, str | bytes) or not isinstance(value, Iterable):
        raise ValidationError(name, f"must be a list of strings, not {type(value).__name__}")
    entries = tuple(cast("Iterable[object]", value))
    for index, entry in enumerate(entries):
        if not isinstance(entry, str):
            raise ValidationError(f"{name}[{index}]", f"must be a string, not {type(entry).__name__}")
    return cast("tuple[str, ...]", entries)


def kind_fault(kind: type | UnionType, value: object) -> str | None:
    """Return what is wrong with a value of another kind, such as "must be a string, not int"; else None."""
    if isinstance(value, kind):
        return None
    each: tuple[type, ...] = get_args(kind) if isinstance(kind, UnionType) else (kind,)
    return f"must be {' or '.join(_WORDS.get(one) or _with_article(one) for one in each)}, not {_name(value)}"


def check_kinds(kind: type | UnionType, **arguments: object) -> None:
    """Raise `ValidationError` that names the first of the arguments that is of another kind."""
    for name, value in arguments.items():
        fault = kind_fault(kind, value)
        if fault is not None:
            raise ValidationError(name, fault)


def as_path(value: object) -> Path | None:
    """Return a path; None for what cannot be one."""
    text: object = (
        os.fspath(cast("str | os.PathLike[str]", value)) if isinstance(value, str | os.PathLike) else None
    )
    return Path(text) if isinstance(text, str) and text and "\0" not in text else None


def check_path(name: str, value: object) -> Path:
    """Return a path. Raises `ValidationError` that names the argument for what cannot be one."""
    path = as_path(value)
    if path is None:
        shown = f"{value!r:.80}" if isinstance(value, str) else _name(value)
        raise ValidationError(name, f"must be a path, not {shown}")
    return path


def check_functions(**arguments: object) -> None:
    """Raise `ValidationError` for the first of the arguments that is neither None nor a plain function.

    What an async function returns is true, whatever it would say, and nobody would await it.
    """
    for name, value in arguments.items():
        if value is not None and not callable(value):
            raise ValidationError(name, f"must be a function or None, not {_name(value)}")
        if inspect.iscoroutinefunction(value):
            raise ValidationError(name, "must be a plain function, not an async one")


def check_choice(name: str, value: object, choices: object) -> None:
    """Raise `ValidationError` unless the argument is None or one of the values of a `Literal`."""
    if value is None or value in (words := get_args(choices)):
        return
    shown = repr(value) if isinstance(value, str) and len(value) <= 80 else _name(value)
    raise ValidationError(name, f"must be {', '.join(words[:-1])} or {words[-1]}, not {shown}")


def _with_article(kind: type) -> str:
    return f"{'an' if kind.__name__[0] in 'AEIO' else 'a'} {kind.__name__}"


def _name(value: object) -> str:
    return "None" if value is None else type(value).__name__

"""Arguments of public functions, checked at run time: types first, as not everybody runs a type checker.

The mistakes that matter are those that Python lets pass: text where a list belongs is a list of its letters,
True is the number 1, and a NaN is neither below nor above any bound.
"""

from collections.abc import Iterable
from typing import cast

from ecr_async.errors import ValidationError

__all__ = ["check_number", "check_strings", "number_fault"]


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

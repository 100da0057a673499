"""Pictures of a scan: bars, drawn as SVG."""

from collections.abc import Sequence
from html import escape

import attrs

__all__ = ["Bar", "bars"]

WIDTH = 720
NAME = 260
VALUE = 90
ROW = 24


@attrs.frozen
class Bar:
    """A bar with its name and its value in words."""

    name: str
    size: float
    value: str


def bars(title: str, rows: Sequence[Bar]) -> str:
    """Return a picture of horizontal bars, the largest of which has the full length."""
    largest = max((row.size for row in rows), default=0) or 1
    height = ROW * len(rows)
    size = f'viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}"'
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" role="img" {size}><title>{escape(title)}</title>']
    for number, row in enumerate(rows):
        top = ROW * number
        length = max((WIDTH - NAME - VALUE) * row.size / largest, 1 if row.size else 0)
        parts.append(
            f'<text x="{NAME - 8}" y="{top + 16}" text-anchor="end">{escape(_shortened(row.name))}</text>'
            f'<rect x="{NAME}" y="{top + 4}" width="{length:.1f}" height="{ROW - 8}" rx="2"/>'
            f'<text x="{NAME + length + 6:.1f}" y="{top + 16}">{escape(row.value)}</text>'
        )
    return "".join([*parts, "</svg>"])


def _shortened(name: str, most: int = 36) -> str:
    return name if len(name) <= most else f"…{name[1 - most :]}"

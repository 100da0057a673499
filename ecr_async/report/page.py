"""A scan's report as one page of HTML that needs nothing else."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from html import escape

from ecr_async.report.ages import age
from ecr_async.report.pictures import Bar, bars
from ecr_async.report.sizes import size
from ecr_async.report.totals import Figures, Totals

__all__ = ["html_page"]

LARGEST = 20
MONTHS = 24

STYLE = """
:root { color-scheme: light dark; --bar: #2a7de1; --dim: #777; }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; width: 100%; }
th { text-align: left; font-weight: 500; color: var(--dim); border-bottom: 1px solid var(--dim); }
th, td { padding: .2rem .6rem .2rem 0; }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; }
svg { max-width: 100%; height: auto; }
svg text { font: 12px system-ui, sans-serif; fill: currentColor; }
svg rect { fill: var(--bar); }
footer { color: var(--dim); margin-top: 2rem; }
"""


def html_page(totals: Totals, *, source: str, now: datetime) -> str:
    """Return the page: what there is in all, the registries, the largest repositories, bytes by month."""
    total = totals.total()
    largest = totals.largest(LARGEST)
    months = sorted(total.months.items())[-MONTHS:]
    sections = [
        f"<h1>Images in {escape(source)}</h1>",
        f"<p>{_sentence(total)}</p>",
        _section("Registries", _table("Registry", totals.registries(), now)),
        _section("Largest repositories", _table("Repository", largest, now, registry=True)),
        _section(
            "Bytes of the largest repositories", bars("Bytes of the largest repositories", _sizes(largest))
        ),
        _section(
            "Bytes by the month they were pushed in",
            bars("Bytes by month", [Bar(month, count, size(count)) for month, count in months]),
        ),
    ]
    if total.findings:
        found = [Bar(name, count, f"{count:,}") for name, count in total.findings.items()]
        sections.append(_section("Findings by severity", bars("Findings by severity", found)))
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width"><title>Images in {escape(source)}</title>'
        f"<style>{STYLE}</style></head><body>{''.join(sections)}"
        f"<footer>Made {now:%Y-%m-%d %H:%M %Z}. A layer that several images share counts for each of them."
        f"</footer></body></html>\n"
    )


def _sentence(total: Figures) -> str:
    return (
        f"{total.images:,} images in {total.repositories:,} repositories, {size(total.bytes)} together; "
        f"{total.untagged:,} of them ({total.untagged_share:.0%}), {size(total.untagged_bytes)}, have no tag."
    )


def _section(title: str, content: str) -> str:
    return f"<h2>{escape(title)}</h2>{content}"


def _sizes(figures: Iterable[Figures]) -> list[Bar]:
    return [Bar(each.name, each.bytes, size(each.bytes)) for each in figures]


def _table(title: str, figures: Iterable[Figures], now: datetime, *, registry: bool = False) -> str:
    headings = [title, *(["Registry"] if registry else [])]
    numbers = ["Images", "Untagged", "Oldest", "Size"]
    head = "".join(
        [f"<th>{escape(each)}</th>" for each in headings]
        + [f'<th class="number">{each}</th>' for each in numbers]
    )
    rows = "".join(
        "<tr>"
        + "".join(f"<td>{escape(each)}</td>" for each in (row.name, *([row.registry] if registry else [])))
        + "".join(f'<td class="number">{each}</td>' for each in _numbers(row, now))
        + "</tr>"
        for row in figures
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"


def _numbers(row: Figures, now: datetime) -> tuple[str, ...]:
    return f"{row.images:,}", f"{row.untagged_share:.0%}", age(row.oldest, now), size(row.bytes)

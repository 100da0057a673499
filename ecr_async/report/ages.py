"""Ages in words."""

from datetime import datetime

__all__ = ["age"]


def age(moment: datetime | None, now: datetime) -> str:
    """Return an age, rounded as in speech."""
    if moment is None:
        return "–"
    days = (now - moment).days
    if days < 1:
        return "today"
    if days < 60:
        return f"{days} d"
    return f"{days / 30.44:.0f} mo" if days < 2 * 365 else f"{days / 365.25:.1f} y"

"""Our own words about the API, from tools/generator/api/*.toml, and where each thing lives.

A family's file says what its module holds: an operation, type, enumeration or error is generated
into the family whose file documents it.
"""

import tomllib
from pathlib import Path
from typing import Any

import attrs

FOLDER = Path(__file__).parent / "api"
SECTIONS = ("operations", "types", "values", "errors")


@attrs.define
class Documentation:
    """All documentation, and a list of what is still without any."""

    families: dict[str, dict[str, Any]]
    homes: dict[str, str]
    missing: list[str] = attrs.field(factory=list[str])

    @classmethod
    def read(cls, folder: Path = FOLDER) -> "Documentation":
        """Read every family's file; a name that two files document is an error."""
        families = {path.stem: tomllib.loads(path.read_text()) for path in sorted(folder.glob("*.toml"))}
        homes: dict[str, str] = {}
        for family, content in families.items():
            for section in SECTIONS:
                for name in content.get(section, {}):
                    if name in homes:
                        raise SystemExit(
                            f"{name} is documented twice: in {homes[name]}.toml and {family}.toml"
                        )
                    homes[name] = family
        return cls(families, homes)

    def home(self, name: str) -> str:
        """Return the family of an operation, type, enumeration or error."""
        if name not in self.homes:
            self.missing.append(f"{name}: no family, so no words either")
        return self.homes.get(name, "common")

    def of(self, section: str, name: str) -> str:
        """Return the docstring of a thing."""
        return self._or_missing(self._table(section, name).get("doc"), f"{section}.{name}.doc")

    def of_field(self, section: str, name: str, part: str, field: str) -> str:
        """Return the docstring of a field, the default for its name where the thing says no more."""
        default = self.families["common"].get("defaults", {}).get(part, {}).get(field)
        return self._or_missing(
            self._table(section, name).get(part, {}).get(field) or default, f"{section}.{name}.{part}.{field}"
        )

    def of_module(self, family: str) -> str:
        """Return the docstring of a family's module."""
        return self._or_missing(self.families[family].get("doc"), f"{family}.toml doc")

    def exclusive(self, operation: str) -> tuple[str, list[str]] | None:
        """Return a field, and those that cannot be sent with it."""
        rule = self._table("operations", operation).get("exclusive")
        return (rule["field"], rule["with"]) if rule else None

    def pattern(self, shape: str) -> str | None:
        """Return the pattern that stands in for the model's own."""
        return next((p for f in self.families.values() if (p := f.get("patterns", {}).get(shape))), None)

    def advice(self, shape: str) -> str | None:
        """Return the advice for a value that does not match the pattern, where the pattern is our own."""
        return next((a for f in self.families.values() if (a := f.get("advice", {}).get(shape))), None)

    def _table(self, section: str, name: str) -> dict[str, Any]:
        table: dict[str, Any] = self.families[self.home(name)].get(section, {}).get(name, {})
        return table

    def _or_missing(self, text: str | None, place: str) -> str:
        if not text or not text.strip():
            self.missing.append(place)
            return "."
        return text.strip()

"""The structures of the API, as they are written: attrs classes to a type checker, and to attrs.

What they are made of is in `layout`.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING

__all__ = ["Structure", "field", "structure"]

if TYPE_CHECKING:
    from attrs import field
    from attrs import frozen as structure

    class Structure:
        """A value of the API: compared by its fields, shown without those that say nothing."""

        def __init_subclass__(cls, *, rename: Mapping[str, str] | None = None) -> None:
            """Take the names of all fields on the wire, if they are not those of the rule in `names`."""

else:
    from ecr_async._wire.layout import Structure, field, structure

"""The module of known endpoints: what most calls need, without the rules that it was worked out by."""

from typing import Any

DOCSTRING = '''"""The endpoints of the regions that botocore {botocore} knows.

A first call in one of them doesn't import botocore, which takes longer than all else before it. Other
regions, FIPS and dual-stack endpoints are resolved by botocore's rules.
"""'''


def known_endpoints(model: dict[str, Any]) -> str:
    """Return the text of _config/known_endpoints.py, after its first line."""
    entries = [f'    "{region}": "{url}",' for region, url in model["endpoints"].items()]
    return "\n".join(
        (
            DOCSTRING.format(botocore=model["botocore"]),
            "",
            "from typing import Final",
            "",
            '__all__ = ["KNOWN_ENDPOINTS"]',
            "",
            "KNOWN_ENDPOINTS: Final = {",
            *entries,
            "}",
            "",
        )
    )

"""What scans find: it is made up, but always the same for the same image."""

import random
from collections import Counter
from collections.abc import Mapping

from ecr_async.api.scanning import Attribute, ImageScanFinding

__all__ = ["count_severities", "find_vulnerabilities"]

SEVERITIES = {"INFORMATIONAL": 4, "LOW": 8, "MEDIUM": 10, "HIGH": 5, "CRITICAL": 1}
"""How common findings of a severity are, beside each other."""
MOST_FINDINGS = 40
PACKAGES = ("openssl", "glibc", "zlib", "curl", "expat", "ncurses", "systemd", "perl", "tar", "sqlite")


def find_vulnerabilities(digest: str) -> list[ImageScanFinding]:
    """Return what a scan of the image finds, the worst first."""
    chance = random.Random(digest)  # noqa: S311 - it is to be foreseen
    severities = chance.choices([*SEVERITIES], [*SEVERITIES.values()], k=chance.randrange(MOST_FINDINGS))
    severities.sort(key=[*SEVERITIES].index, reverse=True)
    return [_finding(chance, severity) for severity in severities]


def count_severities(digest: str) -> Mapping[str, int]:
    """Return how many findings of each severity a scan of the image has."""
    return Counter(str(finding.severity) for finding in find_vulnerabilities(digest))


def _finding(chance: random.Random, severity: str) -> ImageScanFinding:
    name = f"CVE-{chance.randrange(2015, 2025)}-{chance.randrange(1000, 50000)}"
    package, version = chance.choice(PACKAGES), f"{chance.randrange(1, 9)}.{chance.randrange(30)}"
    return ImageScanFinding(
        name=name,
        description=f"Made up by the embedded ECR: {package} {version} is not to be trusted.",
        uri=f"https://cve.example/{name}",
        severity=severity,
        attributes=(Attribute("package_name", package), Attribute("package_version", version)),
    )

"""Vulnerability findings of many images: scans started and waited for if need be, rolled up by severity."""

from ecr_async._bulk.findings.results import (
    FailedFindings,
    FindingsResult,
    FindingsSummary,
    ImageFindings,
    UnscannedImage,
    VanishedImage,
)
from ecr_async._bulk.findings.scanner import FindingsScan, scan_findings
from ecr_async._bulk.findings.selection import ImageSelection

__all__ = [
    "FailedFindings",
    "FindingsResult",
    "FindingsScan",
    "FindingsSummary",
    "ImageFindings",
    "ImageSelection",
    "UnscannedImage",
    "VanishedImage",
    "scan_findings",
]

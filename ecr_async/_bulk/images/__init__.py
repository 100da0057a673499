"""Bulk scan: the images of thousands of repositories, as fast as the rate limits admit, with nothing lost."""

from ecr_async._bulk.images.jsonlines import write_jsonl
from ecr_async._bulk.images.results import (
    FailedListing,
    FailedRepository,
    ScannedPage,
    ScanResult,
    ScanSummary,
    VanishedRepository,
)
from ecr_async._bulk.images.scanner import Scan, scan_images
from ecr_async._bulk.images.selection import RepositorySelection

__all__ = [
    "FailedListing",
    "FailedRepository",
    "RepositorySelection",
    "Scan",
    "ScanResult",
    "ScanSummary",
    "ScannedPage",
    "VanishedRepository",
    "scan_images",
    "write_jsonl",
]

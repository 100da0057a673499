"""An asyncio client library for Amazon ECR.

    import ecr_async as ecr

    async with ecr.Session(profile="prod") as session:
        service = session.service("eu-west-1")
        response = await ecr.describe_repositories(service, ecr.DescribeRepositoriesRequest(max_results=1000))

Every operation of the API is a coroutine function `operation(service, request) -> response`; beside
it stand `paginate_<operation>` where there are pages, and `wait_until_<state>`. A module is loaded when
one of its names is first used.
"""

from typing import TYPE_CHECKING

from ecr_async import api as _api
from ecr_async._lazy import lazily
from ecr_async._version import __version__ as __version__
from ecr_async.errors import (
    CallError,
    CertificateError,
    ConfigurationError,
    ConnectError,
    CredentialsError,
    ECRError,
    MissingExtraError,
    PaginationError,
    ResponseError,
    ServiceError,
    SessionClosedError,
    TransportError,
    ValidationError,
    WaiterError,
    WaiterFailedError,
    WaiterTimeoutError,
)
from ecr_async.errors import TimeoutError as TimeoutError

if TYPE_CHECKING:
    from ecr_async import arrow as arrow
    from ecr_async import distributed as distributed
    from ecr_async import lifecycle, local
    from ecr_async import telemetry as telemetry
    from ecr_async._auth.credentials import Credentials, CredentialsProvider
    from ecr_async._config.settings import Config
    from ecr_async._pipeline.instrumentation import AttemptRecord, Telemetry
    from ecr_async.api import *
    from ecr_async.batches import BatchFailure, BatchResult, check_layers, delete_images, get_images
    from ecr_async.findings import (
        FailedFindings,
        FindingsResult,
        FindingsScan,
        FindingsSummary,
        ImageFindings,
        ImageSelection,
        UnscannedImage,
        VanishedImage,
        scan_findings,
    )
    from ecr_async.pagination import Pager
    from ecr_async.scan import (
        FailedListing,
        FailedRepository,
        RepositorySelection,
        Scan,
        ScannedPage,
        ScanResult,
        ScanSummary,
        VanishedRepository,
        scan_images,
    )
    from ecr_async.service import Service
    from ecr_async.session import Session
    from ecr_async.waiters import (
        Pauses,
        wait_until_image_scan_complete,
        wait_until_lifecycle_policy_preview_complete,
    )

# Not TimeoutError: a star import would hide the builtin one, of which it is a kind.
__all__ = [
    "AttemptRecord",
    "BatchFailure",
    "BatchResult",
    "CallError",
    "CertificateError",
    "Config",
    "ConfigurationError",
    "ConnectError",
    "Credentials",
    "CredentialsError",
    "CredentialsProvider",
    "ECRError",
    "FailedFindings",
    "FailedListing",
    "FailedRepository",
    "FindingsResult",
    "FindingsScan",
    "FindingsSummary",
    "ImageFindings",
    "ImageSelection",
    "MissingExtraError",
    "Pager",
    "PaginationError",
    "Pauses",
    "RepositorySelection",
    "ResponseError",
    "Scan",
    "ScanResult",
    "ScanSummary",
    "ScannedPage",
    "Service",
    "ServiceError",
    "Session",
    "SessionClosedError",
    "Telemetry",
    "TransportError",
    "UnscannedImage",
    "ValidationError",
    "VanishedImage",
    "VanishedRepository",
    "WaiterError",
    "WaiterFailedError",
    "WaiterTimeoutError",
    "check_layers",
    "delete_images",
    "get_images",
    "lifecycle",
    "local",
    "scan_findings",
    "scan_images",
    "wait_until_image_scan_complete",
    "wait_until_lifecycle_policy_preview_complete",
]
__all__ += _api.__all__

_HOMES = {
    "AttemptRecord": "_pipeline.instrumentation",
    "Config": "_config.settings",
    "Telemetry": "_pipeline.instrumentation",
    "BatchFailure": "batches",
    "BatchResult": "batches",
    "Credentials": "_auth.credentials",
    "CredentialsProvider": "_auth.credentials",
    "FailedFindings": "findings",
    "FailedListing": "scan",
    "FailedRepository": "scan",
    "FindingsResult": "findings",
    "FindingsScan": "findings",
    "FindingsSummary": "findings",
    "ImageFindings": "findings",
    "ImageSelection": "findings",
    "Pager": "pagination",
    "Pauses": "waiters",
    "RepositorySelection": "scan",
    "Scan": "scan",
    "ScanResult": "scan",
    "ScanSummary": "scan",
    "ScannedPage": "scan",
    "Service": "service",
    "Session": "session",
    "UnscannedImage": "findings",
    "VanishedImage": "findings",
    "VanishedRepository": "scan",
    "arrow": "arrow",
    "check_layers": "batches",
    "delete_images": "batches",
    "distributed": "distributed",
    "get_images": "batches",
    "lifecycle": "lifecycle",
    "local": "local",
    "scan_findings": "findings",
    "scan_images": "scan",
    "telemetry": "telemetry",
    "wait_until_image_scan_complete": "waiters",
    "wait_until_lifecycle_policy_preview_complete": "waiters",
    **{name: f"api.{family}" for name, family in _api.HOMES.items()},
}

if not TYPE_CHECKING:  # a checker that saw it would believe in every name
    __getattr__ = lazily(__name__, _HOMES)


def __dir__() -> list[str]:
    return sorted({*__all__, *_HOMES, *(name for name in globals() if name.startswith("__"))})

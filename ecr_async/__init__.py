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

if TYPE_CHECKING:
    from ecr_async import arrow as arrow
    from ecr_async import distributed as distributed
    from ecr_async import events, lifecycle, local
    from ecr_async import telemetry as telemetry
    from ecr_async._auth.credentials import Credentials, CredentialsProvider
    from ecr_async._bulk.batches import BatchFailure, BatchResult, check_layers, delete_images, get_images
    from ecr_async._bulk.findings import (
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
    from ecr_async._bulk.images import (
        FailedListing,
        FailedRepository,
        RepositorySelection,
        Scan,
        ScannedPage,
        ScanResult,
        ScanSummary,
        VanishedRepository,
        scan_images,
        write_jsonl,
    )
    from ecr_async._bulk.references import collect_references
    from ecr_async._bulk.services import ServiceSelection
    from ecr_async._config.settings import Config
    from ecr_async._pipeline.instrumentation import AttemptRecord, Telemetry
    from ecr_async._version import __version__ as __version__
    from ecr_async._wire.converter import make_converter
    from ecr_async.api import *
    from ecr_async.errors import (
        CallError,
        CertificateError,
        CheckpointError,
        ConfigurationError,
        ConnectError,
        CredentialsError,
        ECRError,
        MissingExtraError,
        PaginationError,
        PoolTimeoutError,
        ResponseError,
        ServiceError,
        SessionClosedError,
        TransportError,
        ValidationError,
        WaiterError,
        WaiterFailedError,
        WaiterTimeoutError,
        WrongEventLoopError,
    )
    from ecr_async.errors import TimeoutError as TimeoutError
    from ecr_async.fleet import FailedAccount, Fleet
    from ecr_async.oci.digests import InvalidDigestError
    from ecr_async.oci.manifests import ManifestError
    from ecr_async.oci.references import ImageReference, RegistryHost
    from ecr_async.pagination import Pager
    from ecr_async.service import Service
    from ecr_async.session import RoleSession, Session
    from ecr_async.transfer.copy import copy_image
    from ecr_async.transfer.errors import (
        ArchiveTooLargeError,
        DigestMismatchError,
        EmptyBlobError,
        ImageQuotaError,
        ImmutableTagError,
        LayoutError,
        PlatformNotFoundError,
        TransferError,
        UnsupportedDigestError,
    )
    from ecr_async.transfer.login.registry_credentials import RegistryCredentials, registry_credentials
    from ecr_async.transfer.progress import Progress
    from ecr_async.transfer.pull import pull_image
    from ecr_async.transfer.push import push_image
    from ecr_async.transfer.results import CopiedImage, MovedImage, PulledImage, PushedImage
    from ecr_async.transfer.sync.results import SyncedImage, SyncResult, SyncSummary
    from ecr_async.transfer.sync.run import Sync, sync_images
    from ecr_async.transfer.sync.selection import TagSelection
    from ecr_async.waiters import (
        PollDelays,
        wait_until_image_scan_complete,
        wait_until_lifecycle_policy_preview_complete,
    )

# Written by `make generate` from the imports above.
__all__ = [
    "ArchiveTooLargeError",
    "AttemptRecord",
    "BatchFailure",
    "BatchResult",
    "CallError",
    "CertificateError",
    "CheckpointError",
    "Config",
    "ConfigurationError",
    "ConnectError",
    "CopiedImage",
    "Credentials",
    "CredentialsError",
    "CredentialsProvider",
    "DigestMismatchError",
    "ECRError",
    "EmptyBlobError",
    "FailedAccount",
    "FailedFindings",
    "FailedListing",
    "FailedRepository",
    "FindingsResult",
    "FindingsScan",
    "FindingsSummary",
    "Fleet",
    "ImageFindings",
    "ImageQuotaError",
    "ImageReference",
    "ImageSelection",
    "ImmutableTagError",
    "InvalidDigestError",
    "LayoutError",
    "ManifestError",
    "MissingExtraError",
    "MovedImage",
    "Pager",
    "PaginationError",
    "PlatformNotFoundError",
    "PollDelays",
    "PoolTimeoutError",
    "Progress",
    "PulledImage",
    "PushedImage",
    "RegistryCredentials",
    "RegistryHost",
    "RepositorySelection",
    "ResponseError",
    "RoleSession",
    "Scan",
    "ScanResult",
    "ScanSummary",
    "ScannedPage",
    "Service",
    "ServiceError",
    "ServiceSelection",
    "Session",
    "SessionClosedError",
    "Sync",
    "SyncResult",
    "SyncSummary",
    "SyncedImage",
    "TagSelection",
    "Telemetry",
    "TransferError",
    "TransportError",
    "UnscannedImage",
    "UnsupportedDigestError",
    "ValidationError",
    "VanishedImage",
    "VanishedRepository",
    "WaiterError",
    "WaiterFailedError",
    "WaiterTimeoutError",
    "WrongEventLoopError",
    "check_layers",
    "collect_references",
    "copy_image",
    "delete_images",
    "events",
    "get_images",
    "lifecycle",
    "local",
    "make_converter",
    "pull_image",
    "push_image",
    "registry_credentials",
    "scan_findings",
    "scan_images",
    "sync_images",
    "wait_until_image_scan_complete",
    "wait_until_lifecycle_policy_preview_complete",
    "write_jsonl",
]
__all__ += _api.__all__

_HOMES = {
    "ArchiveTooLargeError": "transfer.errors",
    "AttemptRecord": "_pipeline.instrumentation",
    "BatchFailure": "_bulk.batches",
    "BatchResult": "_bulk.batches",
    "CallError": "errors",
    "CertificateError": "errors",
    "CheckpointError": "errors",
    "Config": "_config.settings",
    "ConfigurationError": "errors",
    "ConnectError": "errors",
    "CopiedImage": "transfer.results",
    "Credentials": "_auth.credentials",
    "CredentialsError": "errors",
    "CredentialsProvider": "_auth.credentials",
    "DigestMismatchError": "transfer.errors",
    "ECRError": "errors",
    "EmptyBlobError": "transfer.errors",
    "FailedAccount": "fleet",
    "FailedFindings": "_bulk.findings",
    "FailedListing": "_bulk.images",
    "FailedRepository": "_bulk.images",
    "FindingsResult": "_bulk.findings",
    "FindingsScan": "_bulk.findings",
    "FindingsSummary": "_bulk.findings",
    "Fleet": "fleet",
    "ImageFindings": "_bulk.findings",
    "ImageQuotaError": "transfer.errors",
    "ImageReference": "oci.references",
    "ImageSelection": "_bulk.findings",
    "ImmutableTagError": "transfer.errors",
    "InvalidDigestError": "oci.digests",
    "LayoutError": "transfer.errors",
    "ManifestError": "oci.manifests",
    "MissingExtraError": "errors",
    "MovedImage": "transfer.results",
    "Pager": "pagination",
    "PaginationError": "errors",
    "PlatformNotFoundError": "transfer.errors",
    "PollDelays": "waiters",
    "PoolTimeoutError": "errors",
    "Progress": "transfer.progress",
    "PulledImage": "transfer.results",
    "PushedImage": "transfer.results",
    "RegistryCredentials": "transfer.login.registry_credentials",
    "RegistryHost": "oci.references",
    "RepositorySelection": "_bulk.images",
    "ResponseError": "errors",
    "RoleSession": "session",
    "Scan": "_bulk.images",
    "ScanResult": "_bulk.images",
    "ScanSummary": "_bulk.images",
    "ScannedPage": "_bulk.images",
    "Service": "service",
    "ServiceError": "errors",
    "ServiceSelection": "_bulk.services",
    "Session": "session",
    "SessionClosedError": "errors",
    "Sync": "transfer.sync.run",
    "SyncResult": "transfer.sync.results",
    "SyncSummary": "transfer.sync.results",
    "SyncedImage": "transfer.sync.results",
    "TagSelection": "transfer.sync.selection",
    "Telemetry": "_pipeline.instrumentation",
    "TimeoutError": "errors",
    "TransferError": "transfer.errors",
    "TransportError": "errors",
    "UnscannedImage": "_bulk.findings",
    "UnsupportedDigestError": "transfer.errors",
    "ValidationError": "errors",
    "VanishedImage": "_bulk.findings",
    "VanishedRepository": "_bulk.images",
    "WaiterError": "errors",
    "WaiterFailedError": "errors",
    "WaiterTimeoutError": "errors",
    "WrongEventLoopError": "errors",
    "__version__": "_version",
    "arrow": "arrow",
    "check_layers": "_bulk.batches",
    "collect_references": "_bulk.references",
    "copy_image": "transfer.copy",
    "delete_images": "_bulk.batches",
    "distributed": "distributed",
    "events": "events",
    "get_images": "_bulk.batches",
    "lifecycle": "lifecycle",
    "local": "local",
    "make_converter": "_wire.converter",
    "pull_image": "transfer.pull",
    "push_image": "transfer.push",
    "registry_credentials": "transfer.login.registry_credentials",
    "scan_findings": "_bulk.findings",
    "scan_images": "_bulk.images",
    "sync_images": "transfer.sync.run",
    "telemetry": "telemetry",
    "wait_until_image_scan_complete": "waiters",
    "wait_until_lifecycle_policy_preview_complete": "waiters",
    "write_jsonl": "_bulk.images",
    **{name: f"api.{family}" for name, family in _api.HOMES.items()},
}

if not TYPE_CHECKING:  # a checker that saw it would believe in every name
    __getattr__ = lazily(__name__, _HOMES)


def __dir__() -> list[str]:
    return sorted({*_HOMES, *(name for name in globals() if name.startswith("__"))})

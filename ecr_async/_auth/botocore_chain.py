"""Credentials from botocore's provider chain, resolved off the event loop.

botocore's own loggers, at DEBUG, print what services send it, credentials included: that level is not
for production there. This package's logger, `ecr_async`, never sees a secret.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from typing import Any

from ecr_async._auth.child_processes import ChildProcesses
from ecr_async._auth.credentials import Credentials, CredentialsProvider
from ecr_async._auth.daemon_thread import run_in_daemon_thread
from ecr_async._secret import hide
from ecr_async.errors import CredentialsError

__all__ = ["botocore_chain"]


def botocore_chain(
    profile: str | None = None, region: str | None = None, *, ca_bundle: str | None = None
) -> CredentialsProvider:
    """Return a provider of what botocore's chain finds: environment, shared files, roles, SSO, metadata, ….

    `profile` is the profile that the caller named explicitly: as in boto3, it makes the chain skip
    credentials in the environment, which a profile from `AWS_PROFILE` doesn't. `region` and `ca_bundle` are
    for the calls that the chain itself makes, to STS for instance; its further settings it takes from the
    environment and the shared files.

    Each call walks the chain again, in a thread, so it sees the files as they are at that time, and this
    library reports a renewal that fails. Credentials that are plainly in the environment need no chain, and
    no botocore. Nothing is ever prompted for: a profile that needs an MFA code is an error, and a
    credential process has an empty standard input. Cancelling the provider kills such a process, and
    abandons the thread, which doesn't keep the program from ending.

    The thread leaves the event loop free, but for two things, which happen once a process at most. botocore
    imports awscrt where that is installed, and its native library stops all threads for some 40 ms while
    it is loaded; and where botocore is installed without bytecode, compiling one of its larger modules
    takes some 30 ms. A service that would feel that can import `awscrt.crypto` and `botocore.session`
    before its loop starts.

    Raises `CredentialsError`, which says which source failed, why, and what to do; what a source said is
    repeated only where it cannot hold a secret.

    See https://docs.aws.amazon.com/sdkref/latest/guide/standardized-credentials.html
    """

    async def provide() -> Credentials:
        if profile is None and (found := _in_environment()) is not None:
            return found
        processes = ChildProcesses()
        try:
            return await run_in_daemon_thread(partial(_walk, profile, region, ca_bundle, processes.start))
        finally:
            processes.kill()

    return provide


def _in_environment() -> Credentials | None:
    """What the chain's first provider would find, where it's complete and doesn't expire."""
    # Read from os.environ each time: as a local variable, a traceback could show all that it holds.
    if (
        not os.environ.get("AWS_ACCESS_KEY_ID")
        or not os.environ.get("AWS_SECRET_ACCESS_KEY")
        or os.environ.get("AWS_CREDENTIAL_EXPIRATION")
    ):
        return None
    try:
        return Credentials(
            os.environ["AWS_ACCESS_KEY_ID"],
            hide(os.environ["AWS_SECRET_ACCESS_KEY"]),
            hide(os.environ.get("AWS_SECURITY_TOKEN") or os.environ.get("AWS_SESSION_TOKEN")),
        )
    except CredentialsError as error:
        raise CredentialsError(
            f"the credentials in the environment (AWS_ACCESS_KEY_ID, …): {error}"
        ) from None


def _walk(
    profile: str | None, region: str | None, ca_bundle: str | None, popen: Callable[..., Any]
) -> Credentials:
    from ecr_async._auth.chain_walk import walk  # noqa: PLC0415 - a program with keys needs none of it

    return walk(profile, region, ca_bundle, popen)

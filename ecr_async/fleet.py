"""Fleet: the Services of many accounts and regions, entered by role."""

from __future__ import annotations

import asyncio
import re
from collections import deque
from collections.abc import AsyncGenerator, Iterable
from typing import Literal, cast

import attrs

from ecr_async._arguments import check_kinds, check_strings
from ecr_async._auth.role import Role, check_role_name
from ecr_async._config.endpoints import check_region
from ecr_async._config.partitions import partition_of, regions_of
from ecr_async.errors import CredentialsError, ValidationError
from ecr_async.service import Service
from ecr_async.session import OpenSession, RoleSession

__all__ = ["FailedAccount", "Fleet"]

ENTERING = 16
"""Accounts that are entered at once, ahead of those whose services are in use."""


@attrs.frozen
class FailedAccount:
    """An account that could not be entered. `error` says why STS did not let the role be assumed."""

    account: str
    role_arn: str
    error: CredentialsError


class Fleet:
    """The registries of many accounts and regions, each account entered by a role of the same name in it.

        fleet = ecr.Fleet(session, accounts=["111122223333", "444455556666"], role="ecr-reader")
        async for member in fleet:
            if isinstance(member, ecr.FailedAccount):
                print(member.account, member.error)
            else:
                await ecr.describe_repositories(member, ecr.DescribeRepositoriesRequest())

    Iterating over it yields a `Service` for each account and region, or one `FailedAccount` for an account
    that cannot be entered, which doesn't end the others. The bulk functions take a fleet where they take
    services. A role is assumed when its account's turn comes, some accounts ahead, and renewed for as long
    as calls are made; every iteration after the first finds it assumed. All services share the session's
    connections.

    A region that an account has not enabled rejects every call, with an `UnrecognizedClientException` for
    instance.

    Args:
        session: The session whose credentials assume the roles.
        accounts: The accounts' numbers, strings of 12 digits.
        role: The role's name, with its path if it has one.
        regions: The names of the regions; "all" stands for every region of the partition that the installed
            botocore knows to have ECR.
        partition: The accounts' partition, such as `aws-cn`. By default that of the session's region, and
            `aws` where it has none.
        session_name, external_id, duration: As for `Session.assume_role`.

    Raises `ValidationError` for what cannot be an account, a role or a region, and `ConfigurationError` for
    a partition that botocore doesn't know.
    """

    accounts: tuple[str, ...] = ()
    _role_name = ""

    def __init__(
        self,
        session: OpenSession,
        accounts: Iterable[str],
        role: str,
        regions: Literal["all"] | Iterable[str] = "all",
        *,
        partition: str | None = None,
        session_name: str = "ecr-async",
        external_id: str | None = None,
        duration: int = 3600,
    ) -> None:
        if not isinstance(cast("object", session), OpenSession):
            raise ValidationError("session", f"must be a Session, not {type(session).__name__}")
        check_kinds(str | None, partition=partition)
        self.accounts = _accounts(accounts)
        self._session = session
        self._role_name = check_role_name(role)
        self._role = Role(f"arn:aws:iam::{'0' * 12}:role/{role}", session_name, duration, external_id)
        self._regions = None if regions == "all" else _regions(regions)
        self._partition = partition
        self._sessions: dict[str, RoleSession] = {}

    def __repr__(self) -> str:
        return f"<Fleet of {len(self.accounts)} accounts, role {self._role_name}>"

    async def session(self, account: str) -> RoleSession:
        """Return the session of one of the accounts; the same one each time.

        Raises `ValidationError` for an account that isn't in the fleet.
        """
        if account not in self.accounts:
            raise ValidationError("account", "must be one of the fleet's")
        await self.regions()
        if account not in self._sessions:
            self._sessions[account] = self._session.assume_role(
                self._role_arn(account),
                session_name=self._role.session_name,
                external_id=self._role.external_id,
                duration=self._role.duration,
            )
        return self._sessions[account]

    async def regions(self) -> tuple[str, ...]:
        """Return the regions, with "all" resolved."""
        if self._partition is None or self._regions is None:
            await asyncio.to_thread(self._resolve)
        assert self._regions is not None
        return self._regions

    async def __aiter__(self) -> AsyncGenerator[Service | FailedAccount, None]:
        """Yield each account's services as soon as the account is entered."""
        regions = await self.regions()
        waiting = deque(self.accounts)
        entering: set[asyncio.Task[RoleSession | FailedAccount]] = set()
        try:
            while waiting or entering:
                while waiting and len(entering) < ENTERING:
                    entering.add(asyncio.create_task(self._enter(waiting.popleft()), name="ecr_async fleet"))
                done, entering = await asyncio.wait(entering, return_when=asyncio.FIRST_COMPLETED)
                for entered in [task.result() for task in done]:
                    if isinstance(entered, FailedAccount):
                        yield entered
                        continue
                    for region in regions:
                        yield entered.service(region)
        finally:
            for task in entering:
                task.cancel()
            await asyncio.gather(*entering, return_exceptions=True)

    async def _enter(self, account: str) -> RoleSession | FailedAccount:
        session = await self.session(account)
        try:
            await session.get_credentials()
        except CredentialsError as error:
            return FailedAccount(account, session.role_arn, error)
        return session

    def _role_arn(self, account: str) -> str:
        return f"arn:{self._partition}:iam::{account}:role/{self._role_name}"

    def _resolve(self) -> None:
        """Find out the partition and its regions; reads botocore's files."""
        if self._partition is None:
            region = self._session.config.region or (self._regions[0] if self._regions else None)
            self._partition = partition_of(region) if region else "aws"
        if self._regions is None:
            self._regions = regions_of(self._partition)


def _accounts(given: Iterable[str]) -> tuple[str, ...]:
    if isinstance(given, str) or not isinstance(cast("object", given), Iterable):
        kind = type(given).__name__
        raise ValidationError("accounts", f"must be several accounts, in a list for instance, not {kind}")
    accounts = tuple(dict.fromkeys(given))
    for index, account in enumerate(accounts):
        if not _is_account(account):
            raise ValidationError(f"accounts[{index}]", "must be an account's number, a string of 12 digits")
    return accounts


def _is_account(given: object) -> bool:
    return isinstance(given, str) and re.fullmatch("[0-9]{12}", given) is not None


def _regions(given: Iterable[str]) -> tuple[str, ...]:
    names = (given,) if isinstance(given, str) else tuple(dict.fromkeys(check_strings("regions", given)))
    for index, name in enumerate(names):
        try:
            check_region(name)
        except ValueError as wrong:
            raise ValidationError(f"regions[{index}]", str(wrong)) from None
    if not names:
        raise ValidationError("regions", "must not be empty")
    return names

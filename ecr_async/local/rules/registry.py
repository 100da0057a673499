"""What a handler works with: one account's registry in one region, during one call."""

import json
import sqlite3
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from typing import Any, Protocol, TypeVar

import attrs

from ecr_async.local.addresses import Addresses, RegistryKey
from ecr_async.local.authentication import Caller
from ecr_async.local.partitions import partition_of
from ecr_async.local.rules import messages
from ecr_async.local.rules.policy_documents import permits
from ecr_async.local.state.blobs import Blobs
from ecr_async.local.state.outbox import Outbox
from ecr_async.local.state.sealing import Sealer
from ecr_async.local.state.store import Transaction
from ecr_async.local.wire import dump, load

__all__ = ["Registry", "RepositoryRecord", "Rules", "Scope", "moment", "repository_arn", "strings"]

ItemT = TypeVar("ItemT")
SettingT = TypeVar("SettingT")

DEFAULT_PAGE = 100


def strings(text: str) -> tuple[str, ...]:
    """Return a list of strings that the store holds as JSON."""
    return tuple(json.loads(text))


def moment(seconds: float) -> datetime:
    """Return the time that the store holds as seconds since the epoch."""
    return datetime.fromtimestamp(seconds, UTC)


def repository_arn(key: RegistryKey, name: str) -> str:
    """Return the Amazon Resource Name of a repository, which need not be there."""
    return f"arn:{partition_of(key.region).name}:ecr:{key.region}:{key.account}:repository/{name}"


@attrs.frozen
class Rules:
    """How this server differs from ECR: in what it takes on trust, how long things last, and its names."""

    addresses: Addresses
    """The names of the server's registries."""
    verify_layers: bool = True
    """Whether a manifest's layers must have been uploaded."""
    preview_polls: int = 1
    """How often a lifecycle preview is found to be in progress before it is complete."""
    scan_polls: int = 1
    """How often an image scan is found to be in progress before it is complete."""
    replication_polls: int = 1
    """How often an image's replication is found to be in progress before it is complete."""


@attrs.frozen
class RepositoryRecord:
    """A repository as the store holds it."""

    id: int
    account: str
    region: str
    name: str
    created_at: float
    mutability: str
    exclusions: tuple[str, ...] = attrs.field(converter=strings)
    """Patterns of the tags that are excepted."""
    scan_on_push: bool = attrs.field(converter=bool)
    encryption: str
    kms_key: str | None
    policy: str | None
    lifecycle_policy: str | None
    lifecycle_evaluated_at: float | None = None

    @property
    def arn(self) -> str:
        """The repository's Amazon Resource Name."""
        return repository_arn(RegistryKey(self.account, self.region), self.name)

    def is_immutable(self, tag: str) -> bool:
        """Return whether a tag, once put, must stay where it is."""
        immutable = self.mutability.startswith("IMMUTABLE")
        excluded = any(fnmatchcase(tag, pattern) for pattern in self.exclusions)
        return immutable != excluded


class Paged(Protocol):
    """A request for a page."""

    @property
    def next_token(self) -> str | None:
        """Where to go on."""

    @property
    def max_results(self) -> int | None:
        """The most items on a page."""


@attrs.frozen
class Scope:
    """Who calls, what for, and how the server was reached."""

    caller: Caller
    operation: str
    """The API's name of what is done, which other accounts' repository policies may allow."""
    url: str
    """The server's, as the caller reaches it, without a slash at its end."""


@attrs.frozen
class Registry:
    """The caller's registry: the open transaction, and all that a handler may use besides."""

    transaction: Transaction
    blobs: Blobs
    sealer: Sealer
    rules: Rules
    scope: Scope
    now: float
    outbox: Outbox | None = None
    """Where events are recorded, if anything listens."""

    @property
    def db(self) -> sqlite3.Connection:
        """The database, in the open transaction."""
        return self.transaction.db

    @property
    def account(self) -> str:
        """The caller's account, whose registry this is."""
        return self.scope.caller.account

    @property
    def region(self) -> str:
        """The region of the registry."""
        return self.scope.caller.region

    @property
    def principal(self) -> str:
        """The ARN of who calls."""
        return self.scope.caller.principal

    @property
    def operation(self) -> str:
        """The API's name of what is done."""
        return self.scope.operation

    @property
    def url(self) -> str:
        """The server's, as the caller reaches it, without a slash at its end."""
        return self.scope.url

    def of_owner(self, record: RepositoryRecord) -> "Registry":
        """Return the registry that a repository is in, which has the settings that count for it."""
        owner = Caller(record.account, record.region)
        return attrs.evolve(self, scope=attrs.evolve(self.scope, caller=owner))

    def elsewhere(self, account: str, region: str) -> "Registry":
        """Return another account's or region's registry, in the same transaction."""
        return attrs.evolve(self, scope=attrs.evolve(self.scope, caller=Caller(account, region)))

    def require_write(self) -> None:
        """Make sure that this is not a snapshot. A handler that reads calls it before it writes after all."""
        self.transaction.require_write()

    @property
    def endpoint(self) -> str:
        """The URL that a container client logs in to before it uses this registry."""
        scheme, _, host = self.url.partition("://")
        return self.rules.addresses.endpoint(scheme, host, RegistryKey(self.account, self.region))

    def uri(self, record: RepositoryRecord) -> str:
        """Return what a reference to an image of a repository begins with."""
        host = self.url.partition("://")[2]
        return f"{self.rules.addresses.uri(host, RegistryKey(record.account, record.region))}/{record.name}"

    def repository(self, name: str, registry_id: str | None = None) -> RepositoryRecord:
        """Return a repository; raises `RepositoryNotFoundException`.

        Another account's are found if their policies let this one do what it is about to do.
        """
        account = registry_id or self.account
        row = self.db.execute(
            "SELECT * FROM repositories WHERE account = ? AND region = ? AND name = ?",
            (account, self.region, name),
        ).fetchone()
        if row is not None:
            record = RepositoryRecord(*row)
            if account == self.account or permits(record.policy, self.account, f"ecr:{self.operation}"):
                return record
        raise messages.repository_not_found(name, account)

    def check_own(self, registry_id: str | None) -> None:
        """Reject a registry that is not the caller's, where no other is accepted."""
        if registry_id not in (None, self.account):
            raise messages.other_registry(self.account)

    def page(
        self,
        request: Paged,
        fetch: Callable[[Any, int], Sequence[ItemT]],
        position: Callable[[ItemT], Any],
        default: int = DEFAULT_PAGE,
    ) -> tuple[Sequence[ItemT], str | None]:
        """Return the requested page, and the token of the page after it.

        `fetch(after, limit)` gives items in an order that doesn't change, from the first one behind
        the position `after`, which is None at the beginning; `position` returns an item's. A token is good
        only for the same request, with pages of any size.
        """
        parameters: Any = request
        purpose = f"{self.operation} {self.account} {self.region} " + repr(
            attrs.evolve(parameters, next_token=None, max_results=None)
        )
        after = None
        if request.next_token is not None:
            try:
                after = self.sealer.open(purpose, request.next_token)
            except ValueError:
                raise messages.stale_token() from None
        size = request.max_results or default
        items = fetch(after, size + 1)
        if len(items) <= size:
            return items, None
        return items[:size], self.sealer.seal(purpose, position(items[size - 1]))

    # ------------------------------------------------------------------------ settings
    #
    # What a registry has besides repositories is few and small, and is kept as objects of the API, by
    # kind and name.

    def setting(self, kind: str, form: type[SettingT], name: str = "") -> SettingT | None:
        """Return what was kept under a kind and a name."""
        return next(iter(self.settings(kind, form, "AND name = ?", (name,)).values()), None)

    def settings(
        self, kind: str, form: type[SettingT], condition: str = "", arguments: Sequence[Any] = ()
    ) -> dict[str, SettingT]:
        """Return what was kept of a kind by name, in the names' order."""
        rows = self.db.execute(
            "SELECT name, body FROM settings WHERE account = ? AND region = ? AND kind = ? "  # noqa: S608
            f"{condition} ORDER BY name",
            (self.account, self.region, kind, *arguments),
        )
        return {name: load(form, body) for name, body in rows}

    def page_of_settings(
        self, request: Paged, kind: str, form: type[SettingT]
    ) -> tuple[tuple[SettingT, ...], str | None]:
        """Return the requested page of a kind, and the token of the page after it."""

        def fetch(after: Any, limit: int) -> list[tuple[str, SettingT]]:
            return list(self.settings(kind, form, "AND name > ?", (after or "",)).items())[:limit]

        found, next_token = self.page(request, fetch, lambda item: item[0])
        return tuple(setting for _, setting in found), next_token

    def keep(self, kind: str, setting: Any, name: str = "") -> None:
        """Keep an object, in place of the one of that kind and name."""
        self.db.execute(
            "INSERT OR REPLACE INTO settings VALUES (?, ?, ?, ?, ?)",
            (self.account, self.region, kind, name, dump(setting)),
        )

    def forget(self, kind: str, name: str = "") -> None:
        """Remove an object that was kept."""
        self.db.execute(
            "DELETE FROM settings WHERE account = ? AND region = ? AND kind = ? AND name = ?",
            (self.account, self.region, kind, name),
        )

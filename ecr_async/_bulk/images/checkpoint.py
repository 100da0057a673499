"""What a scan remembers after its end, however it ended.

A result is recorded when its consumer has come back for the next one, so what is recorded was taken. A
scan that is killed has therefore lost nothing; the result that its consumer was handling is yielded again,
and so are those that a computer lost with its power.

An unfinished repository continues from its last page's token. Tokens can be rejected after a while, and
images come and go while nobody scans, so the digests that were yielded are kept until a repository is
finished, and left out when it is resumed.

The file belongs to one scan at a time, and a scan that has reached its end without a failure leaves it
finished: the next one starts over.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime

import attrs

from ecr_async._bulk.images.checkpoint_file import CheckpointFile
from ecr_async._bulk.images.results import ScannedPage, ScanResult, VanishedRepository
from ecr_async.errors import CheckpointError
from ecr_async.service import Service

__all__ = ["Checkpoint", "Position"]

TABLES = """
    CREATE TABLE scan (
        settings TEXT NOT NULL,
        output TEXT,
        output_size INTEGER NOT NULL,
        began_at REAL NOT NULL,
        finished INTEGER NOT NULL,
        checksum INTEGER NOT NULL
    );
    CREATE TABLE service (
        id INTEGER PRIMARY KEY,
        identity TEXT NOT NULL UNIQUE,
        registry TEXT,
        checksum INTEGER NOT NULL
    );
    CREATE TABLE repository (
        service INTEGER NOT NULL REFERENCES service,
        name TEXT NOT NULL,
        pages INTEGER NOT NULL,
        next_token TEXT,
        checksum INTEGER NOT NULL,
        PRIMARY KEY (service, name)
    ) WITHOUT ROWID;
    CREATE TABLE delivered (
        service INTEGER NOT NULL,
        repository TEXT NOT NULL,
        page INTEGER NOT NULL,
        digests TEXT NOT NULL,
        checksum INTEGER NOT NULL,
        PRIMARY KEY (service, repository, page)
    ) WITHOUT ROWID;
"""


@attrs.frozen
class Position:
    """How far a repository has been scanned."""

    pages: int = 0
    """How many of its pages were yielded."""
    next_token: str | None = None
    """The token of the page after them; None if there is none."""
    delivered: frozenset[str] = frozenset()
    """The digests on them."""


class Checkpoint:
    """A checkpoint file, open. `settings` says what is scanned for; the file is good for that alone."""

    def __init__(self, path: str | os.PathLike[str], settings: str) -> None:
        self._file = CheckpointFile(path, TABLES)
        self._settings = settings
        self._seen: Counter[str] = Counter()
        self._ids: dict[Service, int] = {}
        self._identities: dict[Service, str] = {}
        self._known: dict[str, tuple[int, str | None]] = {}
        self._registries: dict[Service, str | None] = {}
        self._finished: set[tuple[int, str]] = set()
        self._unfinished: dict[tuple[int, str], Position] = {}
        self._output: str | None = None
        self._began_at = 0.0
        self.output_size = 0
        """How many bytes of the output are recorded."""
        self.resumes: datetime | None = None
        """When the scan that this one continues was begun; None for a new one."""

    async def open(self, output: str | None) -> None:
        """Open the file, or make it, for a scan that writes to the file `output`, or to none.

        Raises `CheckpointError` for a file that is something else or damaged, belongs to an unfinished
        scan with other settings or another output, or is in use by another scan.
        """
        self._output = output
        await self._file.open()
        await self._file.run(self._load)

    async def aclose(self) -> None:
        """Close the file, after what is being written to it. May be called again."""
        await self._file.aclose()

    async def register(self, service: Service) -> None:
        """Add a service of the scan, in the order in which the services are given."""
        name = " ".join(filter(None, (service.account, service.region, service.endpoint_url)))
        self._seen[name] += 1
        number = self._seen[name]
        self._identities[service] = f"{name} #{number}" if number > 1 else name
        await self._file.run(self._register, service)

    def is_finished(self, service: Service, repository: str) -> bool:
        """Whether nothing is left to do for a repository."""
        return (self._ids[service], repository) in self._finished

    async def position(self, service: Service, repository: str) -> Position:
        """Return how far a repository was scanned by an earlier run."""
        key = (self._ids[service], repository)
        position = self._unfinished.pop(key, None)
        if position is None:
            return Position()
        return attrs.evolve(position, delivered=await self._file.run(self._delivered, *key))

    def check_registry(self, service: Service, registry: str | None) -> None:
        """Check that a service is of the account that it was of in earlier runs.

        Raises `CheckpointError` otherwise: services of one region were given in another order.
        """
        known = self._registries[service] = self._registries[service] or registry
        if registry is not None and registry != known:
            raise CheckpointError(
                f"the checkpoint {self._file.path} has {self._identities[service]} in account {known}, and now it "
                f"is in {registry}: give the services in the same order"
            )

    async def record(
        self, results: Iterable[ScanResult], output_size: int = 0, *, is_finished: bool = False
    ) -> None:
        """Record results that were taken, and the size of the output that holds them, all or nothing.

        With `is_finished` nothing is left to do, and the next scan starts over.
        """
        await self._file.run(self._record, results, output_size, is_finished)

    # -------------------------------------------------------------------------- on the thread

    def _load(self) -> None:
        self._load_scan()
        for number, service in enumerate(self._file.rows("SELECT * FROM service ORDER BY id"), 1):
            service_id, identity, registry = service
            if service_id != number:
                raise self._file.damaged("a service is missing")
            self._known[identity] = (service_id, registry)
        for service_id, name, pages, token in self._file.rows("SELECT * FROM repository"):
            if service_id > len(self._known):
                raise self._file.damaged("a service is missing")
            if token is None:
                self._finished.add((service_id, name))
            else:
                self._unfinished[service_id, name] = Position(pages, token)

    def _load_scan(self) -> None:
        found = self._file.rows("SELECT * FROM scan")
        if len(found) > 1:
            raise self._file.damaged("it holds several scans")
        if found:
            settings, output, output_size, began_at, is_finished = found[0]
            if not is_finished:
                self._check_same(settings, output)
                self.output_size, self._began_at = output_size, began_at
                self.resumes = datetime.fromtimestamp(began_at, UTC)
                return
        for table in ("scan", "service", "repository", "delivered"):
            self._file.delete(table)
        self._began_at = time.time()
        self._save_scan(output_size=0, is_finished=False)

    def _check_same(self, settings: str, output: str | None) -> None:
        if settings != self._settings:
            raise CheckpointError(
                f"the checkpoint {self._file.path} is of a scan with {settings}, not with {self._settings}"
            )
        if output != self._output:
            raise CheckpointError(
                f"the checkpoint {self._file.path} is of a scan that writes to {output}, not to {self._output}"
            )

    def _save_scan(self, *, output_size: int, is_finished: bool) -> None:
        self._file.delete("scan")
        values = (self._settings, self._output, output_size, self._began_at, int(is_finished))
        self._file.insert("scan", *values)

    def _register(self, service: Service) -> None:
        identity = self._identities[service]
        if identity not in self._known:
            self._known[identity] = (len(self._known) + 1, None)
            self._file.insert("service", self._known[identity][0], identity, None)
        self._ids[service], self._registries[service] = self._known[identity]

    def _delivered(self, service_id: int, repository: str) -> frozenset[str]:
        select = "SELECT * FROM delivered WHERE service = ? AND repository = ?"
        rows = self._file.rows(select, service_id, repository)
        return frozenset(digest for (*_, digests) in rows for digest in digests.split())

    def _record(self, results: Iterable[ScanResult], output_size: int, is_finished: bool) -> None:
        for result in results:
            match result:
                case ScannedPage():
                    self._record_page(result)
                case VanishedRepository(service, repository):
                    self._record_repository(service, repository, 0, None)
                case _:
                    pass  # tried again by the next run
        self._save_scan(output_size=output_size, is_finished=is_finished)

    def _record_page(self, page: ScannedPage) -> None:
        self._record_repository(page.service, page.repository, page.number + 1, page.next_token)
        if not page.is_last:
            digests = " ".join([image.image_digest or "" for image in page.images])
            self._file.insert("delivered", self._ids[page.service], page.repository, page.number, digests)

    def _record_repository(
        self, service: Service, repository: str, pages: int, next_token: str | None
    ) -> None:
        key = (self._ids[service], repository)
        self._file.insert("repository", *key, pages, next_token)
        if next_token is None and pages != 1:
            self._file.delete("delivered", "service = ? AND repository = ?", *key)
        registry = self._registries[service]
        if registry is not None:
            self._file.insert("service", key[0], self._identities[service], registry)

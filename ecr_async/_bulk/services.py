"""The services that a bulk function works on: one, several, or a fleet's."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterable, Iterable
from contextlib import aclosing
from typing import TypeAlias, cast

from ecr_async.errors import ECRError
from ecr_async.fleet import FailedAccount, Fleet
from ecr_async.service import Service, not_a_service

__all__ = ["GivenServices", "ServiceSelection", "each_service", "given_services"]

ServiceSelection: TypeAlias = Service | Iterable[Service] | AsyncIterable[Service] | Fleet
"""One `Service`, several, or a `Fleet`."""

EXPECTED = "a Service, several of them or a Fleet"

GivenServices: TypeAlias = tuple[Service, ...] | AsyncIterable[Service] | Fleet


def given_services(services: ServiceSelection, name: str = "services") -> GivenServices:
    """Return services as they can be iterated later.

    Raises `ConfigurationError` for anything else, a `Session` for instance.
    """
    if isinstance(services, Service):
        return (services,)
    if isinstance(services, Fleet | AsyncIterable):
        return services
    if isinstance(cast("object", services), str | bytes) or not isinstance(
        cast("object", services), Iterable
    ):
        raise not_a_service(name, services, EXPECTED)
    given = tuple(services)
    for index, service in enumerate(cast("tuple[object, ...]", given)):
        if not isinstance(service, Service):
            raise not_a_service(f"{name}[{index}]", service)
    return tuple(dict.fromkeys(given))


async def each_service(services: GivenServices) -> AsyncGenerator[tuple[Service, ECRError | None], None]:
    """Yield the services, each once; with an error those of an account that cannot be entered.

    What they come from is closed with this generator.
    """
    if isinstance(services, tuple):
        for service in services:
            yield service, None
    elif isinstance(services, Fleet):
        async with aclosing(_of_fleet(services)) as of_fleet:
            async for service, error in of_fleet:
                yield service, error
    else:
        seen: set[Service] = set()
        source = aiter(services)
        try:
            async for service in source:
                if not isinstance(cast("object", service), Service):
                    raise not_a_service("services", service)
                if service not in seen:
                    seen.add(service)
                    yield service, None
        finally:
            if isinstance(source, AsyncGenerator):
                await source.aclose()


async def _of_fleet(fleet: Fleet) -> AsyncGenerator[tuple[Service, ECRError | None], None]:
    async with aclosing(aiter(fleet)) as members:
        async for member in members:
            if isinstance(member, FailedAccount):
                session = await fleet.session(member.account)
                for region in await fleet.regions():
                    yield session.service(region), member.error
            else:
                yield member, None

"""The registries that a command works on, in several regions, profiles or accounts."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

import attrs
import typer

from ecr_async._bulk.services import ServiceSelection
from ecr_async.fleet import Fleet
from ecr_async.service import Service
from ecr_async.session import Session

__all__ = ["Registries"]


@attrs.frozen
class Registries:
    """Which registries to work on: each region of each profile; None is the one that is configured.

    With accounts, each region of each account, entered by a role with the credentials of one profile.
    """

    profiles: Sequence[str | None]
    regions: Sequence[str | None]
    endpoint_url: str | None = None
    accounts: Sequence[str] = ()
    role: str | None = None

    @asynccontextmanager
    async def open(self) -> AsyncGenerator[tuple[ServiceSelection, Mapping[Service, str]], None]:
        """Yield the services, and names for people of those that are known ahead."""
        async with AsyncExitStack() as stack:
            if self.accounts or self.role:
                yield await self._fleet(stack), {}
                return
            names: dict[Service, str] = {}
            for profile in self.profiles:
                session = Session(profile=profile, endpoint_url=self.endpoint_url)
                await stack.enter_async_context(session)
                for region in self.regions:
                    service = session.service(region)
                    names[service] = f"{profile}/{service.region}" if profile else service.region
            yield tuple(names), names

    async def _fleet(self, stack: AsyncExitStack) -> Fleet:
        if not self.accounts or not self.role:
            raise typer.BadParameter("--account and --role go together")
        if len(self.profiles) > 1:
            raise typer.BadParameter("--account goes with one --profile, whose credentials assume the role")
        session = Session(profile=self.profiles[0], endpoint_url=self.endpoint_url)
        await stack.enter_async_context(session)
        regions = [region for region in self.regions if region] or [session.config.require_region()]
        return Fleet(session, self.accounts, self.role, "all" if regions == ["all"] else regions)

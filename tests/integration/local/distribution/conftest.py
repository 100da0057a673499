"""What the tests of the distribution API share: a door and a repository behind it."""

from collections.abc import AsyncIterator

import pytest

from ecr_async.local import LocalECR
from ecr_async.service import Service
from tests.clocks import StoppedClock
from tests.integration.local.content import create
from tests.integration.local.distribution.client import Door, open_door


@pytest.fixture
def clock() -> StoppedClock:
    return StoppedClock()


@pytest.fixture
async def local(clock: StoppedClock) -> AsyncIterator[LocalECR]:
    """An embedded ECR, empty, whose time stands."""
    async with LocalECR(clock=clock) as local:
        yield local


@pytest.fixture
async def door(local: LocalECR, service: Service) -> AsyncIterator[Door]:
    """The default registry's door, with the repository `team/app` behind it."""
    await create(service)
    async with open_door(local) as door:
        yield door

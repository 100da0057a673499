"""What can be measured of a client, and how the clients take turns at it."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from harness import Numbers, cold_start, server, worker

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from environments import Peer

    Turn = Callable[[], Numbers]


@dataclass(frozen=True)
class Case:
    """A workload on a client that stays open from turn to turn."""

    name: str
    group: str
    serve: tuple[object, ...]
    """The server's options."""
    workload: str
    parameters: Mapping[str, float]
    connections: int
    turns: int = 1
    warm_up: Mapping[str, float] = field(default_factory=dict)
    """What the client does before its first turn; nothing if this is empty."""

    @contextmanager
    def ready(self, peer: Peer, endpoint: str) -> Iterator[Turn]:
        """Open the client; gives the function that takes one turn."""
        with worker(peer, endpoint, connections=self.connections) as opened:
            if self.warm_up:
                opened.measure("warm_up", **self.warm_up)
            yield partial(opened.measure, self.workload, **self.parameters)


@dataclass(frozen=True)
class ColdStarts:
    """Import, client, first call: each turn is a process."""

    name: str
    group: str
    turns: int
    serve: tuple[object, ...] = ("--images", 1)

    @contextmanager
    def ready(self, peer: Peer, endpoint: str) -> Iterator[Turn]:
        """Give the function that takes one turn."""
        yield partial(cold_start, peer, endpoint)


def page_case(size: int, *, in_flight: int, seconds: float, turns: int) -> Case:
    """Calls for pages of ``size`` images, so many in flight."""
    return Case(
        f"page-{size}",
        "pages",
        serve=("--images", size),
        workload="pages",
        parameters={"size": size, "in_flight": in_flight, "seconds": seconds},
        connections=in_flight,
        turns=turns,
        warm_up={"size": size, "in_flight": in_flight},
    )


def scan_case(
    name: str, group: str, repositories: int, *, concurrency: int, images: int = 1000, keep: bool = False
) -> Case:
    """A scan from first to last, every image dropped at once or kept to the end."""
    return Case(
        name,
        group,
        serve=("--repositories", repositories, "--images", images),
        workload="scan",
        parameters={
            "concurrency": concurrency,
            "repositories": repositories,
            "images": images,
            "keep": keep,
        },
        connections=concurrency,
    )


def again_case(*, turns: int) -> Case:
    """Another client and one call in a process that has made one."""
    return Case(
        "again",
        "cold",
        serve=("--images", 1),
        workload="another_client",
        parameters={"times": 10},
        connections=1,
        turns=turns,
        warm_up={"size": 1, "in_flight": 1},
    )


def lag_case(name: str, repositories: int, *, concurrency: int) -> Case:
    """The event loop during a scan."""
    return Case(
        name,
        "lag",
        serve=("--repositories", repositories),
        workload="lag",
        parameters={"concurrency": concurrency},
        connections=concurrency,
    )


def take_turns(case: Case | ColdStarts, peers: Sequence[Peer]) -> dict[Peer, list[Numbers]]:
    """Measure a case: all clients are open at once, and go one after the other, turn by turn."""
    found: dict[Peer, list[Numbers]] = {peer: [] for peer in peers}
    with server(*case.serve) as endpoint, ExitStack() as stack:
        turn_of = {peer: stack.enter_context(case.ready(peer, endpoint)) for peer in peers}
        for number in range(case.turns):
            first = number % len(peers)
            for peer in (*peers[first:], *peers[:first]):
                found[peer].append(turn_of[peer]())
    return found

"""The control door of the embedded ECR, for tests in any language.

GET    /_local/health            200 as soon as the server works
POST   /_local/reset             empties every registry
POST   /_local/lifecycle         runs the lifecycle policies of all repositories: {"images": 3} were concerned
GET    /_local/faults            the faults in force, by number
POST   /_local/faults            puts one in force: {"kind": "throttle", "times": 3}
DELETE /_local/faults[/N]        clears one, or all
GET    /_local/rates             the rate limits in force
PUT    /_local/rates             replaces them: {"DescribeImages": "20/s,burst=40"}
GET    /_local/clock             the server's time
PUT    /_local/clock             {"now": "2026-03-01T00:00:00Z"}, {"advance": 86400}, {"stopped": true},
                                 {"skew": 3600}
DELETE /_local/clock             back to the real time

A web page in somebody's browser must not get in. It can make a browser send simple requests to this machine,
so what changes anything must be `application/json`, which is not simple; and it can have its own name lead to
this machine, so a `Host` that could be a public name is rejected.
"""

import ipaddress
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

import attrs
import msgspec
from aiohttp import web

from ecr_async.errors import ConfigurationError
from ecr_async.local.addresses import HOST
from ecr_async.local.arguments import read_rates
from ecr_async.local.clock import LocalClock
from ecr_async.local.http.behaviour import Behaviour, Fault

__all__ = ["make_control"]

LOCAL_DOMAINS = (".localhost", ".local", ".internal", ".test")


def make_control(
    behaviour: Behaviour,
    clock: LocalClock,
    reset: Callable[[], Awaitable[object]],
    run_lifecycle_policies: Callable[[], Awaitable[int]],
) -> web.Application:
    """Return the application of the control door."""
    control = _Control(behaviour, clock, reset, run_lifecycle_policies)
    application = web.Application(middlewares=[_guarded])
    router = application.router
    router.add_get("/health", control.health)
    router.add_post("/reset", control.reset)
    router.add_post("/lifecycle", control.lifecycle)
    router.add_get("/faults", control.faults)
    router.add_post("/faults", control.inject)
    router.add_delete("/faults", control.clear)
    router.add_delete("/faults/{number:\\d+}", control.clear)
    router.add_get("/rates", control.rates)
    router.add_put("/rates", control.limit)
    router.add_get("/clock", control.time)
    router.add_put("/clock", control.set_time)
    router.add_delete("/clock", control.reset_time)
    return application


@web.middleware
async def _guarded(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    if not _is_local(request.host):
        raise web.HTTPMisdirectedRequest(text="The control door is open under local names only")
    if request.method != "GET" and request.content_type != "application/json":
        raise web.HTTPUnsupportedMediaType(text="Content-Type must be application/json")
    try:
        return await handler(request)
    except (ConfigurationError, ConnectionError, web.RequestPayloadError, TypeError, ValueError) as error:
        raise web.HTTPBadRequest(text=str(error)) from None


def _is_local(host: str) -> bool:
    """Whether a `Host` header names this machine or one of a private network, or is a name of ECR's."""
    name = host.rpartition(":")[0] if host.rpartition(":")[2].isdigit() else host
    try:
        ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        name = name.lower()
        return "." not in name or name.endswith(LOCAL_DOMAINS) or HOST.fullmatch(name) is not None
    return True


@attrs.frozen
class _Control:
    behaviour: Behaviour
    clock: LocalClock
    empty: Callable[[], Awaitable[object]]
    run_lifecycle_policies: Callable[[], Awaitable[int]]

    async def health(self, _: web.Request) -> web.Response:
        return web.json_response({"status": "ok"})

    async def reset(self, _: web.Request) -> web.Response:
        await self.empty()
        return web.json_response({"status": "ok"})

    async def lifecycle(self, _: web.Request) -> web.Response:
        return web.json_response({"images": await self.run_lifecycle_policies()})

    async def faults(self, _: web.Request) -> web.Response:
        return web.json_response({n: attrs.asdict(fault) for n, fault in self.behaviour.faults.items()})

    async def inject(self, request: web.Request) -> web.Response:
        members = await _members(request)
        unknown = members.keys() - attrs.fields_dict(Fault).keys()
        if unknown or "kind" not in members:
            what = f"has no {min(unknown)}" if unknown else "needs a kind"
            raise ValueError(f"a fault {what}; its members are {', '.join(attrs.fields_dict(Fault))}")
        number = self.behaviour.inject(Fault(**members))
        return web.json_response({"number": number}, status=201)

    async def clear(self, request: web.Request) -> web.Response:
        number = request.match_info.get("number")
        self.behaviour.clear(None if number is None else int(number))
        return web.json_response({"status": "ok"})

    async def rates(self, _: web.Request) -> web.Response:
        return web.json_response({name: attrs.asdict(rate) for name, rate in self.behaviour.rates.items()})

    async def limit(self, request: web.Request) -> web.Response:
        self.behaviour.limit(read_rates(await _members(request)))
        return await self.rates(request)

    async def time(self, _: web.Request) -> web.Response:
        clock = self.clock
        state = {
            "now": clock.now.isoformat(),
            "epoch": clock(),
            "stopped": clock.is_stopped,
            "skew": clock.skew,
        }
        return web.json_response(state)

    async def set_time(self, request: web.Request) -> web.Response:
        for name, value in (await _members(request)).items():
            match name, value:
                case "now", str():
                    self.clock.set(_moment(value))
                case "advance", int() | float():
                    self.clock.advance(value)
                case "stopped", bool():
                    self.clock.stop() if value else self.clock.start()
                case "skew", int() | float():
                    self.clock.skew = float(value)
                case _:
                    raise ValueError(
                        f"{name} must be now, advance, stopped or skew, with a value of its type"
                    )
        return await self.time(request)

    async def reset_time(self, request: web.Request) -> web.Response:
        self.clock.reset()
        return await self.time(request)


def _moment(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"now is written like 2026-03-01T00:00:00Z, not {text[:40]!r}") from None


async def _members(request: web.Request) -> dict[str, Any]:
    try:
        return msgspec.json.decode(await request.read(), type=dict[str, Any])
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        raise ValueError("the body must be a JSON object") from None

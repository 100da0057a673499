"""An embedded ECR: a real HTTP server on loopback that keeps the service's promises, without AWS.

    async with LocalECR() as local, local.session() as session:
        await ecr.create_repository(session.service(), ecr.CreateRepositoryRequest("team/app"))

See `LocalECR` for what it can do. The rest of this page is for those who work on it.

**The rooms**, from the bottom: `state` is where everything is kept, `rules` what ECR allows, does and says,
`operations` the API's operations, one function each. Requests come in by two doors, `awsjson` and
`distribution`; `http` is what the doors share. `server` puts them together, and `embedded` starts it.

**How a request goes.** A door (`server` for the API) finds out who calls and what for, which is a `Scope`,
and hands a function to `Backend.read` or `Backend.write`. The store (`state.store`) runs it on a thread of
its own between BEGIN and COMMIT; it gets a `Registry`: the caller's account and region, the open transaction,
and the few helpers that every operation needs. `operations` says which function carries out which operation
of the API. What more than one door goes by stands in `rules`.

**What the store holds.** Rows, in SQLite (`state.schema`), say everything that is so; files (`state.blobs`)
hold the bytes of layers and uploads. One server uses a folder at a time (`state.folder`).

- A repository belongs to an account and a region, and owns its images, tags, layers and uploads: they go
  with it. Triggers count repositories in `registries` and images in `image_counts`, so that nobody has to.
- An image is its manifest. `image_layers` and `image_members` are what the manifest refers to; an image
  in an index is not deleted before the index. A tag points at one image; triggers note in `images.tagged`
  whether an image has any, so that lists find the few that a filter wants.
- A layer belongs to every repository that has a row for it; the bytes are in one file, by digest. It may be
  there before an image needs it and stay a while after the last one that did.
- An upload's row says how many bytes count. Its file may hold more, which do not.

**Invariants**, kept by the order of writing, through any crash:

1. A row is never ahead of its file: a layer's file is there before its row is committed, the bytes of
   an upload are written before they count.
2. A file goes after its row: it is removed once a transaction without the row is committed
   (`Transaction.after_commit`), and only if by then no row needs it.
3. So a crash leaves at most files that no row needs. The next start removes them, and rows whose files
   a failure of power took (`state.sweeping`). What is abandoned or unused for a day is freed as well.

**Events** are recorded by `rules.events` in the transaction that they report, and sent by `state.outbox` once
it is committed; both do nothing where nothing listens.

**A new operation** is a function in a module of `operations` and a line in `operations.HANDLERS`:

    def put_account_setting(
        registry: Registry, request: PutAccountSettingRequest
    ) -> PutAccountSettingResponse:
        if request.value not in ACCOUNT_SETTINGS[request.name]:
            raise registry_messages.not_one_of("value", ACCOUNT_SETTINGS[request.name])
        registry.keep(SETTING, GetAccountSettingResponse(request.name, request.value), request.name)
        return PutAccountSettingResponse(request.name, request.value)

    Writes(registry_api.PUT_ACCOUNT_SETTING, registry.put_account_setting),

The request has been checked against the API's limits. `registry.repository` finds a repository that the
caller may use, or raises; `registry.page` makes pages; `registry.keep`, `setting` and `forget` are for what a
registry has few of. Of anything else there is a table in `state.schema`, whose version goes up. An error is
made by a function in `rules.messages`, or in `rules.registry_messages`, which says where its wording comes
from. Tests call the operation as users do, by a client: `tests/integration/local`.

**Layer parts** are too large to be parsed first: `awsjson.part_uploads` takes them in while they arrive,
by the same rules.
"""

from ecr_async.local.clock import LocalClock
from ecr_async.local.embedded import LocalECR, NotRunningError, serve
from ecr_async.local.http.behaviour import Fault, FaultKind, RateLimit
from ecr_async.local.state.outbox import EventSink

__all__ = [
    "EventSink",
    "Fault",
    "FaultKind",
    "LocalClock",
    "LocalECR",
    "NotRunningError",
    "RateLimit",
    "serve",
]

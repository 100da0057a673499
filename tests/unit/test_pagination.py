"""Pages, one ahead; items, counted; places, to go on from."""

import asyncio
import base64
import gc
from collections.abc import Callable
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

import ecr_async as ecr
from ecr_async import Pager, PaginationError, Service, ValidationError
from tests.virtual_time import in_virtual_time, run

ListRequest, ListResponse = ecr.ListImagesRequest, ecr.ListImagesResponse
TagPager = Pager[ecr.ListImagesRequest, ecr.ListImagesResponse, ecr.ImageIdentifier]

NO_SERVICE = Service.__new__(Service)
"""The pages come from a function; what they would be fetched through doesn't matter."""


class Pages:
    """A service's pages: of each token (None is the first page's) the tags and the next token."""

    def __init__(self, pages: dict[str | None, tuple[str, str | None]]) -> None:
        self.pages = pages
        self.requested: list[str | None] = []
        self.fetched: list[str | None] = []
        self.seconds: dict[str | None, float] = {}
        self.failing: set[str | None] = set()

    async def fetch(self, service: Service, request: ecr.ListImagesRequest) -> ecr.ListImagesResponse:
        token = request.next_token
        assert service is NO_SERVICE
        assert request == ListRequest("team/app", next_token=token, max_results=3)
        self.requested.append(token)
        await asyncio.sleep(self.seconds.get(token, 0))
        if token in self.failing:
            raise ecr.ServerException(f"page {token}")
        self.fetched.append(token)
        tags, next_token = self.pages[token]
        return ListResponse(tuple(ecr.ImageIdentifier(image_tag=tag) for tag in tags), next_token)

    def pager(self, *, next_token: str | None = None, **options: Any) -> TagPager:
        request = ListRequest("team/app", next_token=next_token, max_results=3)
        return Pager(self.fetch, NO_SERVICE, request, lambda page: page.image_ids, **options)


@pytest.fixture
def three() -> Pages:
    return Pages({None: ("abc", "2"), "2": ("def", "3"), "3": ("g", None)})


async def collect(pager: TagPager, tags: list[str]) -> None:
    async for image in pager:
        tags += [image.image_tag or ""]


async def tags_of(pager: TagPager) -> str:
    tags: list[str] = []
    await collect(pager, tags)
    return "".join(tags)


async def until(happened: Callable[[], bool]) -> None:
    """Let everything that is under way go on until it has happened; fail if it doesn't."""
    for _ in range(20):
        if happened():
            return
        await asyncio.sleep(0)
    pytest.fail("it did not happen")


def other_tasks() -> set[asyncio.Task[Any]]:
    current = asyncio.current_task()
    assert current
    return asyncio.all_tasks() - {current}


# ---------------------------------------------------------------------------- items and pages


async def test_the_items_of_all_pages_come_in_order(three: Pages) -> None:
    assert await tags_of(three.pager()) == "abcdefg"
    assert three.requested == [None, "2", "3"]


async def test_the_pages_are_the_responses_themselves(three: Pages) -> None:
    pages = [page async for page in three.pager().pages()]
    assert [(len(page.image_ids), page.next_token) for page in pages] == [(3, "2"), (3, "3"), (1, None)]
    assert {type(page) for page in pages} == {ListResponse}


async def test_nothing_is_requested_before_the_first_item(three: Pages) -> None:
    pager = three.pager()
    items = aiter(pager)
    await asyncio.sleep(0)
    assert three.requested == []
    await anext(items)
    assert three.requested[0] is None


async def test_a_request_may_start_in_the_middle(three: Pages) -> None:
    assert await tags_of(three.pager(next_token="2")) == "defg"


async def test_a_pager_can_be_gone_through_again(three: Pages) -> None:
    pager = three.pager()
    assert await tags_of(pager) == await tags_of(pager) == "abcdefg"


async def test_an_empty_page_is_not_the_last() -> None:
    pages = Pages({None: ("", "2"), "2": ("", "3"), "3": ("a", None)})
    assert await tags_of(pages.pager()) == "a"


async def test_an_empty_token_is_none() -> None:
    pages = Pages({None: ("ab", "")})
    assert await tags_of(pages.pager()) == "ab"
    assert pages.requested == [None]


# ---------------------------------------------------------------------------- one page ahead


async def test_the_next_page_is_fetched_while_this_one_is_worked_on(three: Pages) -> None:
    items = aiter(three.pager())
    await anext(items)
    await until(lambda: three.fetched == [None, "2"])
    await anext(items)
    await anext(items)
    assert three.requested == [None, "2"]  # never more than one page ahead
    await anext(items)
    await until(lambda: three.fetched == [None, "2", "3"])
    await items.aclose()


@in_virtual_time
async def test_work_and_fetching_overlap() -> None:
    pages = Pages({None: ("a", "2"), "2": ("b", "3"), "3": ("c", None)})
    pages.seconds = dict.fromkeys(pages.pages, 2.0)
    async for _ in pages.pager():
        await asyncio.sleep(2.0)
    assert asyncio.get_running_loop().time() == pytest.approx(2.0 + 3 * 2.0)


async def test_a_failure_ahead_is_raised_when_its_page_is_reached(three: Pages) -> None:
    three.failing = {"2"}
    pager = three.pager()
    seen: list[str] = []
    with pytest.raises(ecr.ServerException, match="page 2"):
        await collect(pager, seen)
    assert seen == ["a", "b", "c"]
    three.failing = set()
    assert await tags_of(three.pager(resume_token=pager.resume_token)) == "defg"


# ---------------------------------------------------------------------------- max_items


@pytest.mark.parametrize("wanted", range(1, 10))
async def test_max_items_bounds_the_items(three: Pages, wanted: int) -> None:
    assert await tags_of(three.pager(max_items=wanted)) == "abcdefg"[:wanted]


@pytest.mark.parametrize(
    ("wanted", "requested"),
    [(1, [None]), (3, [None]), (4, [None, "2"]), (6, [None, "2"]), (7, [None, "2", "3"])],
)
async def test_no_page_is_fetched_that_max_items_does_not_need(
    three: Pages, wanted: int, requested: list[str | None]
) -> None:
    async for _ in three.pager(max_items=wanted):
        await asyncio.sleep(0)  # what would be fetched ahead is requested now
    assert three.requested == requested
    assert not other_tasks()


@pytest.mark.parametrize(
    ("done", "wanted", "ahead"),
    [(0, 3, []), (0, 4, ["2"]), (1, 2, []), (1, 3, ["2"]), (2, 1, []), (2, 2, ["2"])],
)
async def test_a_page_that_max_items_needs_is_fetched_ahead(
    three: Pages, done: int, wanted: int, ahead: list[str]
) -> None:
    token = None
    if done:
        cut = three.pager(max_items=done)
        await tags_of(cut)
        token = cut.resume_token
    three.requested.clear()
    items = aiter(three.pager(max_items=wanted, resume_token=token))
    await anext(items)
    for _ in range(3):
        await asyncio.sleep(0)
    assert three.requested == [None, *ahead]
    await items.aclose()


@pytest.mark.parametrize("wanted", [0, -1])
def test_max_items_is_at_least_one(three: Pages, wanted: int) -> None:
    with pytest.raises(ValidationError, match=f"max_items: must be at least 1, not {wanted}"):
        three.pager(max_items=wanted)


@pytest.mark.parametrize("wanted", ["5", 1.5, True])
def test_max_items_is_a_whole_number(three: Pages, wanted: Any) -> None:
    with pytest.raises(
        ValidationError, match=f"max_items: must be a whole number, not {type(wanted).__name__}"
    ):
        three.pager(max_items=wanted)


async def test_max_items_does_not_bound_the_pages(three: Pages) -> None:
    assert len([page async for page in three.pager(max_items=1).pages()]) == 3


# ---------------------------------------------------------------------------- resume_token


@pytest.mark.parametrize("done", range(1, 7))
async def test_a_resume_token_goes_on_behind_the_last_item(three: Pages, done: int) -> None:
    first = three.pager(max_items=done)
    before = await tags_of(first)
    assert first.resume_token
    assert before + await tags_of(three.pager(resume_token=first.resume_token)) == "abcdefg"


@given(
    st.lists(st.integers(1, 5), min_size=1, max_size=6), st.lists(st.integers(0, 3), min_size=1, max_size=5)
)
def test_however_it_is_cut_into_pieces_nothing_is_lost_or_doubled(steps: list[int], sizes: list[int]) -> None:
    letters = iter("abcdefghijklmnopqrstuvwxyz")
    tokens = [None, *map(str, range(1, len(sizes)))]
    pages = Pages(
        {
            token: ("".join(next(letters) for _ in range(size)), follower)
            for token, size, follower in zip(tokens, sizes, [*tokens[1:], None], strict=True)
        }
    )

    async def in_pieces() -> str:
        seen, token = "", None
        for step in steps:
            pager = pages.pager(max_items=step, resume_token=token)
            seen += await tags_of(pager)
            token = pager.resume_token
            if token is None:
                return seen
        return seen + await tags_of(pages.pager(resume_token=token))

    assert run(in_pieces()) == "".join(tags for tags, _ in pages.pages.values())


async def test_a_pager_that_fails_before_its_first_item_stays_where_it_was_to_start(three: Pages) -> None:
    first = three.pager(max_items=4)
    await tags_of(first)
    three.failing = {"2"}
    again = three.pager(resume_token=first.resume_token)
    with pytest.raises(ecr.ServerException):
        await tags_of(again)
    assert again.resume_token == first.resume_token


async def test_a_pager_that_is_gone_through_again_forgets_where_it_was(three: Pages) -> None:
    pager = three.pager(next_token="2")
    start = pager.resume_token
    assert start
    await tags_of(pager)
    assert pager.resume_token is None
    three.failing = {"2"}
    for attempt in (tags_of(pager), anext(pager.pages())):
        with pytest.raises(ecr.ServerException):
            await attempt
        assert pager.resume_token == start


async def test_there_is_no_resume_token_before_the_first_item_and_after_the_last(three: Pages) -> None:
    pager = three.pager()
    assert pager.resume_token is None
    await tags_of(pager)
    assert pager.resume_token is None


async def test_there_is_none_either_when_max_items_are_all_items(three: Pages) -> None:
    pager = three.pager(max_items=7)
    await tags_of(pager)
    assert pager.resume_token is None


async def test_between_pages_a_resume_token_goes_on_with_the_next_page(three: Pages) -> None:
    pager = three.pager()
    async for _ in pager.pages():
        break
    assert await tags_of(three.pager(resume_token=pager.resume_token)) == "defg"


async def test_resumed_pages_are_whole(three: Pages) -> None:
    cut = three.pager(max_items=4)
    await tags_of(cut)
    pages = [len(page.image_ids) async for page in three.pager(resume_token=cut.resume_token).pages()]
    assert pages == [3, 1]


def token_of(text: bytes) -> str:
    return base64.urlsafe_b64encode(text).decode()


@pytest.mark.parametrize(
    "token",
    [
        "x",
        "ü",
        "a token of the service's",
        token_of(b"text"),
        token_of(b"[]"),
        token_of(b'["2"]'),
        token_of(b'["2", -1]'),
        token_of(b'["2", "1"]'),
        token_of(b'["2", true]'),
        token_of(b"[2, 1]"),
        token_of(b'"ab"'),
        token_of(b'{"a": 1, "b": 2}'),
        token_of(b"null"),
    ],
)
def test_an_invalid_resume_token_is_rejected(three: Pages, token: str) -> None:
    with pytest.raises(ValidationError, match="resume_token: must be a pager's resume_token"):
        three.pager(resume_token=token)


# ---------------------------------------------------------------------------- an end, always


@pytest.mark.parametrize(
    ("pages", "seen"),
    [
        pytest.param({None: ("ab", "1"), "1": ("cd", "1")}, "ab", id="at once"),
        pytest.param({None: ("ab", "1"), "1": ("cd", "2"), "2": ("ef", "1")}, "abcd", id="later"),
    ],
)
async def test_a_token_that_comes_again_is_an_error_and_not_an_endless_loop(
    pages: dict[str | None, tuple[str, str | None]], seen: str
) -> None:
    got: list[str] = []
    with pytest.raises(PaginationError, match="ListImagesRequest: the service returned a next_token"):
        await collect(Pages(pages).pager(), got)
    assert "".join(got) == seen
    assert not other_tasks()


async def test_the_requests_own_token_must_not_come_again_either() -> None:
    pages = Pages({"1": ("ab", "1")})
    with pytest.raises(PaginationError):
        await tags_of(pages.pager(next_token="1"))
    assert pages.requested == ["1"]


async def test_an_error_does_not_show_the_token() -> None:
    with pytest.raises(PaginationError) as caught:
        await tags_of(Pages({None: ("", "5ec7e7"), "5ec7e7": ("", "5ec7e7")}).pager())
    assert "5ec7e7" not in str(caught.value)


# ---------------------------------------------------------------------------- nothing left behind


async def test_leaving_the_loop_leaves_no_task(three: Pages) -> None:
    three.seconds = {"2": 3600.0}
    async for _ in three.pager():
        await until(lambda: three.requested == [None, "2"])
        assert len(other_tasks()) == 1
        break
    await until(lambda: not other_tasks())
    assert three.fetched == [None]


async def test_closing_the_items_leaves_no_task(three: Pages) -> None:
    items = aiter(three.pager())
    await anext(items)
    assert len(other_tasks()) == 1
    await items.aclose()
    assert not other_tasks()


@in_virtual_time
async def test_a_cancellation_leaves_no_task(three: Pages) -> None:
    three.seconds = dict.fromkeys(three.pages, 10.0)

    async def consume() -> None:
        async for _ in three.pager():
            await asyncio.sleep(4.0)

    for moment in (5.0, 12.0, 15.0, 23.0, 25.0):
        task = asyncio.create_task(consume())
        await asyncio.sleep(moment)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await until(lambda: not other_tasks())


async def test_a_page_that_failed_and_was_never_reached_goes_unreported(three: Pages) -> None:
    complaints: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
    three.failing = {"2"}
    items = aiter(three.pager())
    await anext(items)
    await until(lambda: all(task.done() for task in other_tasks()))
    await items.aclose()
    gc.collect()
    assert complaints == []


def test_a_request_without_pages_is_rejected() -> None:
    wrong = cast(ecr.ListImagesRequest, "team/app")
    with pytest.raises(ValidationError, match="request: must be one that has pages, not str"):
        ecr.paginate_list_images(NO_SERVICE, wrong)

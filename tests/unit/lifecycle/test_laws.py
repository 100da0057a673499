"""What holds for every policy and every repository."""

from datetime import datetime

import attrs
from hypothesis import given
from hypothesis import strategies as st

from ecr_async.api.images import ImageDetail
from ecr_async.lifecycle import Action, ImageResult, LifecyclePolicy, Rule, Selection, evaluate
from ecr_async.lifecycle.rules import ARCHIVE, EXPIRE, CountType, TagStatus
from tests.unit.lifecycle.images import NOW, ago, digest

TAGS = ["a", "b", "ab", "ba", "aab", "abb"]
PATTERNS = ["a*", "b*", "*a", "*b*", "a*b", "ab", "*"]


@st.composite
def selections(draw: st.DrawFn, tag_status: TagStatus) -> Selection:
    count_type: CountType = draw(
        st.sampled_from(
            ["imageCountMoreThan", "sinceImagePushed", "sinceImagePulled", "sinceImageTransitioned"]
        )
    )
    is_archive = count_type == "sinceImageTransitioned"
    patterns: list[str] = []
    if tag_status == "tagged":
        patterns = draw(st.lists(st.sampled_from(PATTERNS), min_size=1, max_size=2))
    return Selection(
        tag_status=tag_status,
        tag_patterns=patterns,
        storage_class="archive" if is_archive else draw(st.sampled_from([None, "standard"])),
        count_type=count_type,
        count_unit=None if count_type == "imageCountMoreThan" else "days",
        count_number=draw(st.integers(90, 120) if is_archive else st.integers(1, 12)),
    )


def actions(selection: Selection) -> st.SearchStrategy[Action]:
    if selection.count_type == "sinceImagePulled":
        return st.just(ARCHIVE)
    if selection.count_type == "sinceImageTransitioned":
        return st.just(EXPIRE)
    return st.sampled_from([EXPIRE, ARCHIVE])


@st.composite
def policies(draw: st.DrawFn) -> LifecyclePolicy:
    """Any policy that ECR would accept, its rules in any order."""
    statuses: list[TagStatus] = ["tagged"] * draw(st.integers(0, 4))
    statuses += draw(st.sampled_from([["tagged"], ["untagged"], ["any"], ["untagged", "any"]]))
    rules = []
    for place, status in enumerate(statuses):
        selection = draw(selections(status))
        description = draw(st.none() | st.text(max_size=20))
        rules.append(Rule(place * 3 + 1, selection, draw(actions(selection)), description))
    last_of_class = {rule.selection.effective_storage_class: rule.priority for rule in rules}
    kept = [
        rule
        for rule in rules
        if rule.selection.tag_status != "any"
        or rule.priority == last_of_class[rule.selection.effective_storage_class]
    ]
    return LifecyclePolicy(draw(st.permutations(kept)))


@st.composite
def repositories(draw: st.DrawFn) -> list[ImageDetail]:
    days = st.integers(0, 20).map(float)
    images = []
    for number in range(draw(st.integers(0, 12))):
        is_archived = draw(st.booleans())
        images.append(
            ImageDetail(
                image_digest=digest(str(number)),
                image_tags=tuple(draw(st.lists(st.sampled_from(TAGS), max_size=3, unique=True))),
                image_pushed_at=ago(draw(days)),
                image_status="ARCHIVED" if is_archived else "ACTIVE",
                last_archived_at=ago(draw(st.integers(80, 130))) if is_archived else None,
                last_recorded_pull_time=ago(draw(days)) if draw(st.booleans()) else None,
                last_activated_at=ago(draw(days)) if draw(st.booleans()) else None,
            )
        )
    return images


@st.composite
def references_in(draw: st.DrawFn, images: list[ImageDetail]) -> dict[str, list[str]]:
    digests = [image.image_digest or "" for image in images]
    if not digests:
        return {}
    some = st.lists(st.sampled_from(digests), max_size=3)
    return draw(st.dictionaries(st.sampled_from(digests), some, max_size=3))


Outcome = dict[str | None, int]


def outcome(results: tuple[ImageResult[ImageDetail], ...]) -> Outcome:
    return {result.image_digest: result.applied_rule_priority for result in results}


@given(policies())
def test_parsing_what_was_written_gives_the_policy_back(policy: LifecyclePolicy) -> None:
    assert LifecyclePolicy.from_json(policy.to_json()) == policy


@given(policies(), repositories(), st.data())
def test_an_image_is_in_one_result_at_most(
    policy: LifecyclePolicy, images: list[ImageDetail], data: st.DataObject
) -> None:
    references = data.draw(references_in(images))
    results = evaluate(policy, images, now=NOW, references=references).results
    digests = [result.image_digest for result in results]
    assert len(set(digests)) == len(digests)


@given(policies(), repositories(), st.data())
def test_the_order_of_images_and_rules_changes_nothing(
    policy: LifecyclePolicy, images: list[ImageDetail], data: st.DataObject
) -> None:
    again = LifecyclePolicy(data.draw(st.permutations(policy.rules)))
    shuffled = data.draw(st.permutations(images))
    assert evaluate(policy, images, now=NOW) == evaluate(again, shuffled, now=NOW)


@given(policies(), repositories(), st.data())
def test_a_rule_of_lowest_priority_changes_no_other_rules_results(
    policy: LifecyclePolicy, images: list[ImageDetail], data: st.DataObject
) -> None:
    longer = [rule for rule in policy.rules if rule.selection.tag_status != "any"]
    selection = data.draw(selections("any"))
    last = Rule(1000, selection, data.draw(actions(selection)))
    before = {} if not longer else outcome(evaluate(LifecyclePolicy(longer), images, now=NOW).results)
    after = outcome(evaluate(LifecyclePolicy([*longer, last]), images, now=NOW).results)
    assert {found: priority for found, priority in after.items() if priority != 1000} == before


@given(repositories(), st.integers(1, 8), st.data())
def test_as_many_matching_images_remain_as_are_to_be_kept(
    images: list[ImageDetail], count: int, data: st.DataObject
) -> None:
    images = [attrs.evolve(image, image_status="ACTIVE", image_tags=("ab",)) for image in images]
    policy = LifecyclePolicy([Rule.expire(1, ["ab"], keep_newest=count)])
    taken = outcome(evaluate(policy, images, now=NOW).results)
    assert len(images) - len(taken) == min(count, len(images))

    references = data.draw(references_in(images))
    left = outcome(evaluate(policy, images, now=NOW, references=references).results)
    held_back = taken.keys() - left.keys()
    assert left.keys() <= taken.keys()
    assert held_back <= {child for children in references.values() for child in children}


@given(policies(), repositories(), st.data())
def test_nothing_goes_that_a_staying_manifest_list_refers_to(
    policy: LifecyclePolicy, images: list[ImageDetail], data: st.DataObject
) -> None:
    references = data.draw(references_in(images))
    gone = outcome(evaluate(policy, images, now=NOW, references=references).results)
    for image in images:
        if image.image_status == "ACTIVE" and image.image_digest not in gone:
            assert not gone.keys() & set(references.get(image.image_digest or "", ()))


@given(policies(), repositories())
def test_the_evaluator_does_what_the_guide_says_word_by_word(
    policy: LifecyclePolicy, images: list[ImageDetail]
) -> None:
    assert outcome(evaluate(policy, images, now=NOW).results) == word_by_word(policy, images)


def word_by_word(policy: LifecyclePolicy, images: list[ImageDetail]) -> Outcome:
    """The documented evaluator, an image and a rule at a time."""
    rules = sorted(policy.rules, key=lambda rule: rule.priority)
    identified = {
        rule.priority: sorted((image for image in images if identifies(rule, image)), key=age_order)
        for rule in rules
    }
    result: Outcome = {}
    for image in images:
        first = next((rule for rule in rules if image in identified[rule.priority]), None)
        if first is not None and marks(first, image, identified[first.priority]):
            result[image.image_digest] = first.priority
    return result


def age_order(image: ImageDetail) -> tuple[object, str]:
    moment = image.last_archived_at if image.image_status == "ARCHIVED" else there_since(image)
    return moment, image.image_digest or ""


def there_since(image: ImageDetail) -> datetime | None:
    return image.last_activated_at or image.image_pushed_at


def identifies(rule: Rule, image: ImageDetail) -> bool:
    selection = rule.selection
    if (selection.storage_class == "archive") != (image.image_status == "ARCHIVED"):
        return False
    if selection.tag_status == "untagged":
        return not image.image_tags
    if selection.tag_status == "any":
        return True
    return all(any(fits(pattern, tag) for tag in image.image_tags) for pattern in selection.tag_patterns)


def fits(pattern: str, tag: str) -> bool:
    if not pattern:
        return not tag
    if pattern[0] == "*":
        return any(fits(pattern[1:], tag[start:]) for start in range(len(tag) + 1))
    return tag[:1] == pattern[0] and fits(pattern[1:], tag[1:])


def marks(rule: Rule, image: ImageDetail, identified: list[ImageDetail]) -> bool:
    number = rule.selection.count_number
    match rule.selection.count_type:
        case "imageCountMoreThan":
            return identified.index(image) < len(identified) - number
        case "sinceImagePushed":
            since = there_since(image)
        case "sinceImagePulled":
            pulled, restored = image.last_recorded_pull_time, image.last_activated_at
            since = restored if pulled and restored and pulled < restored else pulled or there_since(image)
        case "sinceImageTransitioned":
            since = image.last_archived_at
    return since is not None and since < ago(number)


def with_four_wildcards_at_most(pattern: str) -> bool:
    return pattern.count("*") <= 4


@given(
    st.text("ab*", min_size=1, max_size=8).filter(with_four_wildcards_at_most),
    st.lists(st.text("ab", min_size=1, max_size=6), max_size=3),
)
def test_a_pattern_fits_as_its_definition_says(pattern: str, tags: list[str]) -> None:
    old = ImageDetail(image_digest=digest("A"), image_tags=tuple(tags), image_pushed_at=ago(2))
    results = evaluate(
        LifecyclePolicy([Rule.expire(1, [pattern], days_since_pushed=1)]), [old], now=NOW
    ).results
    assert bool(results) == any(fits(pattern, tag) for tag in tags)

"""The evaluator's rules, each on its own.

https://docs.aws.amazon.com/AmazonECR/latest/userguide/LifecyclePolicies.html#lp_evaluation_rules
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

import attrs
import pytest

from ecr_async.api.images import ImageDetail
from ecr_async.lifecycle import Image, LifecyclePolicy, LifecyclePolicyError, Rule, Selection, evaluate
from ecr_async.lifecycle.rules import EXPIRE
from ecr_async.oci.media_types import OCI_INDEX
from tests.unit.lifecycle.images import NOW, ago, archived, digest, image, names, taken


def policy(*rules: Rule) -> LifecyclePolicy:
    return LifecyclePolicy(rules)


def test_rules_are_applied_by_priority_not_by_place() -> None:
    by_age = Rule.expire(2, ["prod*"], days_since_pushed=1)
    by_count = Rule.expire(1, ["v*"], keep_newest=1)
    assert taken(policy(by_age, by_count), [image("A", ["prod", "v1"], pushed=9)]) == ""


def test_an_image_is_taken_by_the_first_rule_that_identifies_it() -> None:
    images = [image("A", ["prod", "v1"], pushed=9)]
    evaluation = evaluate(
        policy(Rule.archive(5, ["prod"], days_since_pushed=1), Rule.expire(7, ["v*"], days_since_pushed=1)),
        images,
        now=NOW,
    )
    [result] = evaluation.results
    assert (result.applied_rule_priority, result.action.type) == (5, "transition")


def test_an_image_that_a_rule_leaves_alone_is_safe_from_later_rules() -> None:
    rules = policy(Rule.expire(1, ["v*"], keep_newest=5), Rule.expire(2, "any", days_since_pushed=1))
    assert taken(rules, [image("A", ["v1"], pushed=100), image("B", ["w1"], pushed=100)]) == "B"


def test_a_rule_still_counts_images_that_earlier_rules_take() -> None:
    images = [
        image("A", ["v1", "w1"], pushed=3),
        image("B", ["w2"], pushed=2),
        image("C", ["v3", "w3"], pushed=1),
    ]
    rules = policy(Rule.expire(1, ["v*"], keep_newest=1), Rule.expire(2, ["w*"], keep_newest=2))
    assert taken(rules, images) == "A"


def test_images_go_oldest_first() -> None:
    images = [image("A", pushed=2), image("B", pushed=4), image("C", pushed=3), image("D", pushed=0)]
    assert taken(policy(Rule.expire(1, "any", keep_newest=1)), images) == "BCA"


def test_images_pushed_at_the_same_time_go_in_the_order_of_their_digests() -> None:
    images = [image(name, pushed=1) for name in "ABCDE"]
    by_digest = "".join(sorted("ABCDE", key=digest))
    everything = policy(Rule.expire(1, "any", keep_newest=2))
    assert taken(everything, images) == taken(everything, reversed(images)) == by_digest[:3]


def test_an_image_of_exactly_the_age_limit_stays() -> None:
    images = [image("A", pushed=14), image("B", pushed=14 + 1e-6)]
    assert taken(policy(Rule.expire(1, "any", days_since_pushed=14)), images) == "B"


def test_an_age_beyond_the_calendar_is_never_reached() -> None:
    everything = policy(Rule.expire(1, "any", days_since_pushed=2**31 - 1))
    assert taken(everything, [image("A", pushed=700_000)]) == ""
    everything = policy(Rule.archive(1, "any", days_since_pulled=999_999_999))
    assert taken(everything, [image("A", pushed=700_000)]) == ""


def test_times_in_other_time_zones_are_the_same_times() -> None:
    elsewhere = timezone(timedelta(hours=9))
    pushed = image("A", pushed=14.001).image_pushed_at
    assert pushed is not None
    there = ImageDetail(image_digest=digest("A"), image_pushed_at=pushed.astimezone(elsewhere))
    rules = policy(Rule.expire(1, "any", days_since_pushed=14))
    assert evaluate(rules, [there], now=NOW.astimezone(elsewhere)).expiring_count == 1


class TestTags:
    @pytest.mark.parametrize(
        ("pattern", "found"),
        [
            ("prod", "A"),
            ("prod*", "ABC"),
            ("*prod", "AD"),
            ("*prod*", "ABCDE"),
            ("*-*", "BDE"),
            ("p*d", "A"),
            ("p*1", "BC"),
            ("*r*d*", "ABCDE"),
            ("p*o*d*1", "BC"),
            ("*", "ABCDEF"),
            ("**", "ABCDEF"),
            ("prod.", ""),
            ("p.*d", ""),
            ("Prod*", ""),
        ],
    )
    def test_a_pattern_is_matched_against_whole_tags(self, pattern: str, found: str) -> None:
        images = [
            image("A", ["prod"], pushed=9),
            image("B", ["prod-1"], pushed=8),
            image("C", ["prod1"], pushed=7),
            image("D", ["repo-prod"], pushed=6),
            image("E", ["x-prod-y"], pushed=5),
            image("F", ["other"], pushed=4),
            image("G", pushed=3),
        ]
        assert taken(policy(Rule.expire(1, [pattern], days_since_pushed=1)), images) == found

    def test_a_wildcard_does_not_reach_from_one_tag_into_the_next(self) -> None:
        images = [image("A", ["pro", "d"], pushed=9), image("B", ["p", "xod"], pushed=9)]
        assert taken(policy(Rule.expire(1, ["p*d"], days_since_pushed=1)), images) == ""
        assert taken(policy(Rule.expire(1, ["p*o*d"], days_since_pushed=1)), images) == ""

    def test_one_tag_can_match_several_patterns(self) -> None:
        rule = Rule.expire(1, ["prod*", "*-1"], days_since_pushed=1)
        assert (
            taken(policy(rule), [image("A", ["prod-1"], pushed=9), image("B", ["prod-2"], pushed=9)]) == "A"
        )

    def test_all_prefixes_must_begin_a_tag(self) -> None:
        selection = Selection(
            tag_status="tagged",
            tag_prefixes=("alpha", "beta"),
            count_type="imageCountMoreThan",
            count_number=1,
        )
        images = [
            image("A", ["alpha-1"], pushed=5),
            image("B", ["alpha-1", "beta-1"], pushed=4),
            image("C", ["alpha-1", "a-beta"], pushed=3),
            image("D", ["beta", "alpha"], pushed=2),
        ]
        assert taken(policy(Rule(1, selection, EXPIRE)), images) == "B"

    def test_a_star_in_a_prefix_is_only_a_star(self) -> None:
        selection = Selection(
            tag_status="tagged", tag_prefixes=("v*",), count_type="imageCountMoreThan", count_number=1
        )
        images = [image("A", ["v1"], pushed=2), image("B", ["v2"], pushed=1)]
        assert taken(policy(Rule(1, selection, EXPIRE)), images) == ""

    def test_untagged_is_for_images_without_tags(self) -> None:
        images = [image("A", ["v1"], pushed=9), image("B", pushed=9)]
        assert taken(policy(Rule.expire(1, "untagged", days_since_pushed=1)), images) == "B"

    def test_a_contrived_pattern_costs_no_more_than_a_plain_one(self) -> None:
        images = [image("A", ["a" * 100_000 + "c"], pushed=9)]
        assert taken(policy(Rule.expire(1, ["a*a*a*a*b"], days_since_pushed=1)), images) == ""


class TestPulls:
    rules = policy(Rule.archive(1, "any", days_since_pulled=90))

    def test_an_image_is_as_old_as_its_last_pull(self) -> None:
        images = [
            image("A", pushed=200, last_recorded_pull_time=ago(91)),
            image("B", pushed=200, last_recorded_pull_time=ago(89)),
        ]
        assert taken(self.rules, images) == "A"

    def test_an_image_that_was_never_pulled_is_as_old_as_its_push(self) -> None:
        assert taken(self.rules, [image("A", pushed=91), image("B", pushed=89)]) == "A"

    def test_a_restored_image_that_was_not_pulled_since_is_as_old_as_its_restoring(self) -> None:
        images = [
            image("A", pushed=300, last_recorded_pull_time=ago(200), last_activated_at=ago(89)),
            image("B", pushed=300, last_recorded_pull_time=ago(200), last_activated_at=ago(91)),
            image("C", pushed=300, last_recorded_pull_time=ago(80), last_activated_at=ago(91)),
        ]
        assert taken(self.rules, images) == "B"


class TestStorageClasses:
    def test_rules_are_about_images_in_standard_storage(self) -> None:
        rules = policy(Rule.expire(1, "any", keep_newest=1))
        assert taken(rules, [archived("A"), image("B", pushed=2), image("C", pushed=1)]) == "B"

    def test_archived_images_age_from_their_archiving(self) -> None:
        rules = policy(Rule.expire(1, "any", days_since_archived=90))
        images = [
            archived("A", days=89),
            archived("B", days=91, pushed=92),
            archived("C", days=95, pushed=96),
        ]
        assert taken(rules, images) == "CB"

    def test_an_archived_image_is_not_archived_again(self) -> None:
        assert taken(policy(Rule.archive(1, "any", days_since_pushed=1)), [archived("A")]) == ""

    def test_rules_for_one_storage_class_do_not_shield_from_those_for_another(self) -> None:
        rules = policy(
            Rule.archive(1, ["v*"], days_since_pushed=10), Rule.expire(2, ["v*"], days_since_archived=90)
        )
        evaluation = evaluate(
            rules,
            [archived("A", ["v1"], days=99), image("B", ["v2"], pushed=11), image("C", ["v3"], pushed=9)],
            now=NOW,
        )
        outcome = [
            (names([result.image_digest]), result.action.type, result.storage_class)
            for result in evaluation.results
        ]
        assert outcome == [("B", "transition", "standard"), ("A", "expire", "archive")]

    def test_a_restored_image_is_as_old_as_its_restoring(self) -> None:
        restored = image("A", pushed=500, last_archived_at=ago(300), last_activated_at=ago(5))
        images = [restored, image("B", pushed=20), image("C", pushed=3)]
        assert taken(policy(Rule.archive(1, "any", days_since_pushed=10)), images) == "B"
        assert taken(policy(Rule.archive(1, "any", keep_newest=1)), images) == "BA"

    def test_an_image_that_is_being_restored_counts_as_restored_now(self) -> None:
        activating = image("A", pushed=500, image_status="ACTIVATING", last_archived_at=ago(300))
        assert taken(policy(Rule.expire(1, "any", keep_newest=1)), [activating, image("B", pushed=1)]) == "B"
        pulled = image("A", pushed=500, image_status="ACTIVATING", last_recorded_pull_time=ago(400))
        assert taken(policy(Rule.archive(1, "any", days_since_pulled=1)), [pulled]) == ""


class TestManifestLists:
    rules = policy(Rule.expire(1, "untagged", days_since_pushed=1), Rule.expire(2, ["old*"], keep_newest=1))

    def test_an_image_stays_while_a_manifest_list_refers_to_it(self) -> None:
        images = [image("A", pushed=9), image("B", pushed=9), image("C", ["new"], pushed=8)]
        assert taken(self.rules, images, {"C": ["A"]}) == "B"

    def test_an_image_goes_with_the_manifest_list(self) -> None:
        images = [image("A", pushed=9), image("C", ["old-1"], pushed=8), image("D", ["old-2"], pushed=7)]
        assert taken(self.rules, images, {"C": ["A"]}) == "AC"

    def test_an_image_stays_until_the_last_manifest_list_goes(self) -> None:
        images = [image("A", pushed=9), image("C", ["old-1"], pushed=8), image("D", ["old-2"], pushed=7)]
        assert taken(self.rules, images, {"C": ["A"], "D": ["A"]}) == "C"

    def test_a_held_back_list_holds_back_its_own_images(self) -> None:
        images = [image("A", pushed=9), image("B", pushed=9), image("C", ["new"], pushed=8)]
        assert taken(self.rules, images, {"C": ["B"], "B": ["A"]}) == ""

    def test_a_manifest_list_that_is_gone_or_archived_holds_back_nothing(self) -> None:
        images = [image("A", pushed=9), archived("C", ["new"])]
        assert taken(self.rules, images, {"C": ["A"], "D": ["A"]}) == "A"

    def test_a_held_back_list_in_the_archive_holds_back_nothing(self) -> None:
        rules = policy(*self.rules.rules, Rule.expire(3, "any", days_since_archived=90))
        images = [image("A", pushed=9), archived("B", days=99), image("C", ["new"], pushed=8)]
        assert taken(rules, images, {"C": ["B"], "B": ["A"]}) == "A"

    def test_a_held_back_image_counts_all_the_same(self) -> None:
        keep_two = policy(Rule.expire(1, "any", keep_newest=2))
        images = [image("A", pushed=4), image("B", pushed=3), image("C", pushed=2), image("D", pushed=1)]
        assert taken(keep_two, images, {"D": ["A"]}) == "B"

    def test_lists_that_refer_to_each_other_do_not_hang(self) -> None:
        images = [image("A", pushed=9), image("B", pushed=9), image("C", ["new"], pushed=8)]
        assert taken(self.rules, images, {"A": ["B"], "B": ["A"], "C": ["A"]}) == ""


class TestListsOfUnknownReferences:
    rules = policy(Rule.expire(1, "untagged", days_since_pushed=1))

    @staticmethod
    def index(name: str, tags: Sequence[str] = (), *, pushed: float) -> ImageDetail:
        return image(name, tags, pushed=pushed, image_manifest_media_type=OCI_INDEX)

    def test_what_they_may_hold_back_is_undetermined(self) -> None:
        images = [image("A", pushed=9), image("B", pushed=5), self.index("C", ["new"], pushed=7)]
        evaluation = evaluate(self.rules, images, now=NOW)
        assert names(result.image_digest for result in evaluation.results) == "B", "pushed after the list"
        assert names(result.image_digest for result in evaluation.undetermined) == "A"
        assert evaluation.expiring_count == 1

    def test_with_all_references_everything_is_determined(self) -> None:
        images = [image("A", pushed=9), image("B", pushed=8), self.index("C", ["new"], pushed=7)]
        evaluation = evaluate(self.rules, images, now=NOW, references={digest("C"): [digest("A")]})
        assert names(result.image_digest for result in evaluation.results) == "B"
        assert evaluation.undetermined == ()

    def test_a_list_that_goes_itself_holds_back_nothing(self) -> None:
        images = [image("A", pushed=9), self.index("C", pushed=7)]
        evaluation = evaluate(self.rules, images, now=NOW)
        assert names(result.image_digest for result in evaluation.results) == "AC"

    def test_a_list_that_may_stay_may_hold_back_in_its_turn(self) -> None:
        images = [
            self.index("B", pushed=8),
            image("A", pushed=6),  # pushed again after the list that refers to it
            self.index("C", ["new"], pushed=7),
        ]
        evaluation = evaluate(self.rules, images, now=NOW, references={digest("B"): [digest("A")]})
        assert evaluation.results == ()
        assert names(result.image_digest for result in evaluation.undetermined) == "BA"

    def test_an_image_of_the_same_moment_may_be_one_of_them(self) -> None:
        images = [image("A", pushed=7), self.index("C", ["new"], pushed=7)]
        evaluation = evaluate(self.rules, images, now=NOW)
        assert names(result.image_digest for result in evaluation.undetermined) == "A"

    def test_a_time_that_is_not_known_rules_nothing_out(self) -> None:
        index = attrs.evolve(self.index("C", ["new"], pushed=9), image_pushed_at=None)
        evaluation = evaluate(self.rules, [image("A", pushed=5), index], now=NOW)
        assert names(result.image_digest for result in evaluation.undetermined) == "A"


class TestTimes:
    berlin = ZoneInfo("Europe/Berlin")
    day_of_23_hours = datetime(2026, 3, 29, 12, tzinfo=berlin)

    def test_a_day_has_24_hours_in_every_time_zone(self) -> None:
        rules = policy(Rule.expire(1, "any", days_since_pushed=1))
        now = self.day_of_23_hours
        moment_pushed = now.astimezone(UTC) - timedelta(hours=23.5)
        pushed = attrs.evolve(image("A"), image_pushed_at=moment_pushed)
        local = attrs.evolve(image("A"), image_pushed_at=moment_pushed.astimezone(self.berlin))
        for moment in (now, now.astimezone(UTC)):
            for detail in (pushed, local):
                assert evaluate(rules, [detail], now=moment).results == ()

    def test_a_naive_now_is_rejected_by_name(self) -> None:
        with pytest.raises(ValueError, match="now: must be an aware datetime"):
            evaluate(policy(Rule.expire(1, "any", keep_newest=1)), [], now=datetime(2026, 6, 1))

    @pytest.mark.parametrize(
        "field", ["image_pushed_at", "last_activated_at", "last_recorded_pull_time", "last_archived_at"]
    )
    def test_a_naive_time_of_an_image_is_rejected_by_name(self, field: str) -> None:
        changed: dict[str, Any] = {field: datetime(2026, 5, 1)}
        status = "ARCHIVED" if field == "last_archived_at" else "ACTIVE"
        detail = attrs.evolve(image("A"), image_status=status, **changed)
        with pytest.raises(ValueError, match=f"{field} of {digest('A')}: must be an aware datetime"):
            evaluate(policy(Rule.archive(1, "any", days_since_pulled=1)), [detail], now=NOW)


class TestArtifacts:
    rules = policy(Rule.expire(1, ["v*"], days_since_pushed=1))

    def test_artifacts_go_with_their_subject_and_are_kept_apart(self) -> None:
        images = [
            image("A", ["v1"], pushed=9),
            image("B", pushed=9, subject_manifest_digest=digest("A")),
            image("C", pushed=9, subject_manifest_digest=digest("B")),
            image("D", pushed=9, subject_manifest_digest=digest("E")),
            image("E", ["w"], pushed=9),
        ]
        evaluation = evaluate(self.rules, images, now=NOW)
        assert names(result.image_digest for result in evaluation.results) == "A"
        assert names(result.image_digest for result in evaluation.artifacts) == "BC"
        assert {result.applied_rule_priority for result in evaluation.artifacts} == {1}
        assert evaluation.expiring_count == 1

    def test_an_artifact_follows_its_subject_whatever_rules_would_select_it(self) -> None:
        images = [
            image("A", ["v1"], pushed=9),
            image("B", ["v2"], pushed=8, subject_manifest_digest=digest("A")),
        ]
        evaluation = evaluate(self.rules, images, now=NOW)
        assert names(result.image_digest for result in evaluation.results) == "A"
        assert names(result.image_digest for result in evaluation.artifacts) == "B"

    def test_an_artifact_that_is_listed_twice_goes_once(self) -> None:
        artifact = image("B", pushed=9, subject_manifest_digest=digest("A"))
        evaluation = evaluate(self.rules, [image("A", ["v1"], pushed=9), artifact, artifact], now=NOW)
        assert names(result.image_digest for result in evaluation.artifacts) == "B"

    def test_an_artifact_stays_with_its_subject(self) -> None:
        untagged = policy(Rule.expire(1, "untagged", days_since_pushed=1))
        signature = image("B", pushed=9, subject_manifest_digest=digest("A"))
        assert taken(untagged, [image("A", ["v1"], pushed=9), signature]) == ""

    @pytest.mark.parametrize("subject", ["B", "C"])
    def test_an_artifact_without_its_subject_is_an_image_like_others(self, subject: str) -> None:
        untagged = policy(Rule.expire(1, "untagged", days_since_pushed=1))
        assert taken(untagged, [image("B", pushed=9, subject_manifest_digest=digest(subject))]) == "B"

    def test_an_archived_artifact_is_not_archived_again(self) -> None:
        artifact = image(
            "B",
            pushed=9,
            subject_manifest_digest=digest("A"),
            image_status="ARCHIVED",
            last_archived_at=ago(1),
        )
        images = [image("A", ["v1"], pushed=9), artifact]
        archive = policy(Rule.archive(1, ["v*"], days_since_pushed=1))
        assert evaluate(archive, images, now=NOW).artifacts == ()
        assert len(evaluate(self.rules, images, now=NOW).artifacts) == 1


class TestOutcome:
    def test_a_result_has_what_a_preview_has(self) -> None:
        rule = Rule.archive(3, ["v*"], days_since_pushed=1, description="cold")
        pushed = image("A", ["v1", "latest"], pushed=9)
        [result] = evaluate(policy(rule), [pushed], now=NOW).results
        assert result.image_digest == digest("A")
        assert result.image_tags == ("v1", "latest")
        assert result.image_pushed_at == ago(9)
        assert (result.action.type, result.action.target_storage_class) == ("transition", "archive")
        assert result.applied_rule_priority == 3
        assert result.storage_class == "standard"
        assert (result.image, result.rule) == (pushed, rule)

    def test_the_summary(self) -> None:
        rules = policy(Rule.expire(1, ["v*"], days_since_pushed=1), Rule.archive(2, "any", keep_newest=1))
        images = [
            image("A", ["v1"], pushed=9, size=10),
            image("B", ["v2"], pushed=8, size=200),
            image("C", ["v3"], pushed=7, size=200, image_manifest_media_type=OCI_INDEX),
            image("D", pushed=6, size=4000),
            image("E", pushed=5, size=4000),
        ]
        evaluation = evaluate(rules, images, now=NOW)
        assert evaluation.expiring_count == 3
        assert evaluation.expiring_bytes == 210
        assert evaluation.transitioning_counts == {"archive": 1}

    def test_an_image_whose_size_is_not_known_frees_nothing(self) -> None:
        images = [image("A", pushed=9, size=None), image("B", pushed=9, size=5)]
        assert (
            evaluate(policy(Rule.expire(1, "any", days_since_pushed=1)), images, now=NOW).expiring_bytes == 5
        )

    def test_an_empty_repository(self) -> None:
        images: list[Image] = []
        evaluation = evaluate(policy(Rule.expire(1, "any", keep_newest=1)), images, now=NOW)
        assert (evaluation.results, evaluation.artifacts) == ((), ())
        assert (evaluation.expiring_count, evaluation.expiring_bytes) == (0, 0)
        assert evaluation.transitioning_counts == {}

    def test_an_image_whose_push_is_not_known_counts_as_new(self) -> None:
        images = [ImageDetail(image_digest=digest("A")), image("B", pushed=1)]
        assert taken(policy(Rule.expire(1, "any", keep_newest=1)), images) == "B"
        assert taken(policy(Rule.archive(1, "any", days_since_pulled=1)), images) == ""


def test_a_policy_that_ecr_would_reject_is_not_evaluated() -> None:
    with pytest.raises(LifecyclePolicyError):
        evaluate(policy(Rule.expire(1, "any", keep_newest=0)), [image("A")], now=NOW)

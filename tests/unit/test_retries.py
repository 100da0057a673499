"""Retries: what is tried again, when, and what it costs.

The figures are the AWS SDKs' own:
https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html
"""

import math
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecr_async._retry.standard import Backoff, ErrorKind, RetryConfig, RetryQuota, RetryStrategy, classify
from ecr_async.errors import (
    CallError,
    CertificateError,
    ConfigurationError,
    ConnectError,
    PoolTimeoutError,
    ResponseError,
    ServiceError,
    TimeoutError,
    TransportError,
)

THROTTLED = ServiceError("slow", code="ThrottlingException", status=400)
BROKEN = ServiceError("oops", code="ServerException", status=500)
REJECTED = ServiceError("no", code="RepositoryNotFoundException", status=400)


class RepositoryNotFoundException(ServiceError):
    code = "RepositoryNotFoundException"


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        # throttles, by code, whatever the status
        (ServiceError("", code="ThrottlingException", status=400), "throttling"),
        (ServiceError("", code="Throttling", status=400), "throttling"),
        (ServiceError("", code="ThrottledException", status=400), "throttling"),
        (ServiceError("", code="TooManyRequestsException", status=400), "throttling"),
        (ServiceError("", code="RequestThrottled", status=400), "throttling"),
        (ServiceError("", code="RequestThrottledException", status=400), "throttling"),
        (ServiceError("", code="RequestLimitExceeded", status=503), "throttling"),
        (ServiceError("", code="BandwidthLimitExceeded", status=400), "throttling"),
        (ServiceError("", code="ProvisionedThroughputExceededException", status=400), "throttling"),
        (ServiceError("", code="PriorRequestNotComplete", status=400), "throttling"),
        (ServiceError("", code="SlowDown", status=503), "throttling"),
        # … and by status, from the service or a proxy
        (ServiceError("", code="Unheard", status=429), "throttling"),
        (ResponseError("", status=429), "throttling"),
        # trouble that passes
        (ServiceError("", code="ServerException", status=500), "transient"),
        (ServiceError("", code="ServerException", status=400), "transient"),
        (ServiceError("", code="RequestTimeout", status=400), "transient"),
        (ServiceError("", code="RequestTimeoutException", status=400), "transient"),
        (ServiceError("", code="InternalFailure", status=500), "transient"),
        (ServiceError("", code="ServiceUnavailable", status=503), "transient"),
        (ResponseError("", status=500), "transient"),
        (ResponseError("", status=502), "transient"),
        (ResponseError("", status=503), "transient"),
        (ResponseError("", status=504), "transient"),
        (ResponseError("half a body", status=200, truncated=True), "transient"),
        (ResponseError("a whole body that does not fit", status=200), None),
        (ResponseError("no HTTP"), "transient"),
        (TransportError("reset"), "transient"),
        (TransportError("cut off in the body", status=200), "transient"),
        (ConnectError("refused"), "transient"),
        (ConnectError("a proxy in trouble", status=502), "transient"),
        (TimeoutError("read"), "transient"),
        # errors that stay
        (CertificateError("of another"), None),
        (PoolTimeoutError("busy"), None),
        (ConnectError("a proxy that wants a password", status=407), None),
        (ServiceError("", code="LimitExceededException", status=400), None),
        (ServiceError("", code="LimitExceededException", status=429), None),
        (ServiceError("", code="InvalidParameterException", status=400), None),
        (ServiceError("", code="ValidationException", status=400), None),
        (ServiceError("", code="AccessDeniedException", status=400), None),
        (ServiceError("", code="InvalidSignatureException", status=403), None),
        (ServiceError("", code="NotImplemented", status=501), None),
        (RepositoryNotFoundException("", status=400), None),
        (ResponseError("a redirect", status=307), None),
        (ResponseError("a proxy's error page", status=403), None),
        (CallError("of no kind"), None),
    ],
    ids=lambda value: getattr(value, "code", "") or str(value),
)
def test_classification(error: CallError, kind: str | None) -> None:
    assert classify(error) == kind


@pytest.mark.parametrize(
    ("kind", "ceilings"),
    [
        ("transient", [0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8, 20, 20]),
        ("throttling", [1, 2, 4, 8, 16, 20, 20]),
    ],
)
def test_backoff_doubles_up_to_twenty_seconds(kind: ErrorKind, ceilings: list[float]) -> None:
    backoff = Backoff(random=lambda: 1.0)
    assert [backoff.delay(kind, retry) for retry in range(len(ceilings))] == pytest.approx(ceilings)


def test_backoff_has_full_jitter() -> None:
    assert Backoff(random=lambda: 0.0).delay("throttling", 3) == 0
    assert Backoff(random=lambda: 0.25).delay("throttling", 3) == 2


@given(
    kind=st.sampled_from(get_args(ErrorKind)),
    retry=st.integers(0, 10**6),
    chance=st.floats(0, 1),
)
def test_backoff_is_bounded_whatever_the_retry(kind: ErrorKind, retry: int, chance: float) -> None:
    assert 0 <= Backoff(random=lambda: chance).delay(kind, retry) <= 20


@pytest.mark.parametrize(
    ("requested", "granted"),
    [
        (0, 2),
        (1, 2),
        (2, 2),
        (3.5, 3.5),
        (7, 7),
        (7.001, 7),
        (3600, 7),
        (math.inf, 7),
        (-1, 2),
        (math.nan, 2),
    ],
)
def test_a_servers_wish_is_granted_from_our_backoff_to_five_seconds_more(
    requested: float, granted: float
) -> None:
    assert Backoff(random=lambda: 0.5).delay("throttling", 2, requested) == granted


def test_the_quota_grants_no_more_than_it_has_and_keeps_the_rest() -> None:
    quota = RetryQuota(20)
    assert quota.take(14)
    assert not quota.take(14)
    assert quota.available == 6
    assert quota.take(5)
    assert quota.available == 1


def test_quota_may_be_spent_to_the_last_token() -> None:
    quota = RetryQuota(14)
    assert quota.take(14)
    assert quota.available == 0


@given(st.lists(st.tuples(st.booleans(), st.sampled_from([1, 5, 14])), max_size=200))
def test_quota_stays_between_nothing_and_its_capacity(steps: list[tuple[bool, int]]) -> None:
    quota = RetryQuota(100)
    for taking, tokens in steps:
        before = quota.available
        if taking:
            assert quota.take(tokens) == (tokens <= before)
        else:
            quota.give_back(tokens)
            assert quota.available == min(before + tokens, 100)
        assert 0 <= quota.available <= 100


def strategy(max_attempts: int = 3, quota: RetryQuota | None = None) -> RetryStrategy:
    return RetryStrategy(RetryConfig(max_attempts=max_attempts), quota=quota, backoff=Backoff(lambda: 1.0))


def test_attempts_count_up_to_the_limit_and_say_so_in_the_header() -> None:
    attempts = strategy().begin("DescribeImages")
    assert (attempts.attempt, attempts.max_attempts, attempts.header) == (1, 3, "attempt=1; max=3")
    assert attempts.next_delay(BROKEN) == 0.05
    assert (attempts.attempt, attempts.header) == (2, "attempt=2; max=3")
    assert attempts.next_delay(THROTTLED) == 2
    assert (attempts.attempt, attempts.header) == (3, "attempt=3; max=3")
    assert attempts.next_delay(BROKEN) is None
    assert attempts.attempt == 3


def test_one_attempt_means_no_retry() -> None:
    attempts = strategy(max_attempts=1).begin("DescribeImages")
    assert attempts.next_delay(BROKEN) is None
    assert attempts.header == "attempt=1; max=1"


def test_a_rejection_costs_nothing() -> None:
    calls = strategy()
    attempts = calls.begin("DescribeImages")
    assert attempts.next_delay(REJECTED) is None
    assert attempts.attempt == 1
    assert calls.quota.available == 500


def test_what_was_set_right_is_tried_again_at_once_and_for_nothing() -> None:
    strategy = RetryStrategy(RetryConfig(max_attempts=2))
    attempts = strategy.begin("DescribeImages")
    assert attempts.at_once() == 0.0
    assert (attempts.attempt, attempts.header) == (2, "attempt=2; max=2")
    assert strategy.quota.available == strategy.quota.capacity
    assert attempts.at_once() is None, "there were two attempts"
    assert attempts.at_once(is_counted=False) == 0.0
    assert (attempts.attempt, attempts.header) == (2, "attempt=2; max=2")


def test_the_servers_wish_reaches_the_delay() -> None:
    error = ServiceError("", code="ThrottlingException", status=400, retry_after=3)
    assert strategy().begin("DescribeImages").next_delay(error) == 3


@pytest.mark.parametrize(
    ("failures", "while_failing", "after_success"),
    [
        ([], 400, 401),
        ([BROKEN], 386, 400),
        ([THROTTLED], 395, 400),
        ([BROKEN, THROTTLED], 381, 386),  # only what the last retry took comes back
        ([THROTTLED, BROKEN], 381, 395),
    ],
)
def test_quota_of_a_call_that_succeeds_in_the_end(
    failures: list[ServiceError], while_failing: int, after_success: int
) -> None:
    quota = RetryQuota()
    quota.available = 400
    attempts = strategy(quota=quota).begin("DescribeImages")
    for error in failures:
        assert attempts.next_delay(error) is not None
    assert quota.available == while_failing
    attempts.succeed()
    assert quota.available == after_success


def test_success_never_fills_the_quota_above_its_capacity() -> None:
    calls = strategy()
    calls.begin("DescribeImages").succeed()
    assert calls.quota.available == 500


def test_an_outage_exhausts_the_quota_that_all_calls_share() -> None:
    calls = strategy()
    retries = sum(calls.begin("DescribeImages").next_delay(BROKEN) is not None for _ in range(100))
    assert retries == 500 // 14
    assert calls.begin("DescribeImages").next_delay(THROTTLED) is not None, (
        "10 tokens are left, enough for a throttle"
    )
    attempts = calls.begin("DescribeImages")
    assert attempts.next_delay(BROKEN) is None
    assert attempts.attempt == 1


@given(st.lists(st.sampled_from([BROKEN, THROTTLED, REJECTED]), max_size=10), st.integers(1, 6))
def test_a_call_never_exceeds_its_attempts(errors: list[ServiceError], max_attempts: int) -> None:
    attempts = strategy(max_attempts).begin("DescribeImages")
    granted = 0
    for error in errors:
        if attempts.next_delay(error) is None:
            break
        granted += 1
    assert attempts.attempt == granted + 1 <= max_attempts


@pytest.mark.parametrize("max_attempts", [0, -1])
def test_fewer_than_one_attempt_is_a_mistake(max_attempts: int) -> None:
    with pytest.raises(ConfigurationError, match=f"max_attempts {max_attempts}: must be at least 1"):
        RetryConfig(max_attempts=max_attempts)

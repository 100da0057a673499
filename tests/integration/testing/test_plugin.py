"""The pytest plugin, in runs of pytest of their own, as users have them."""

import sys

import pytest

pytest_plugins = ["pytester"]

ASYNCHRONOUS = """
import pytest
import ecr_async as ecr

@pytest.mark.parametrize("time", ["first", "second"])
{mark}
async def test_each_finds_the_server_empty(local_ecr, ecr_session, ecr_service, time):
    image = local_ecr.push_image("team/app", "v1")
    repositories = await ecr.describe_repositories(ecr_service, ecr.DescribeRepositoriesRequest())
    images = await ecr.describe_images(ecr_session.service(), ecr.DescribeImagesRequest("team/app"))
    assert [repository.repository_name for repository in repositories.repositories] == ["team/app"]
    assert [found.image_digest for found in images.image_details] == [image.digest]
"""

SYNCHRONOUS = """
import os

import boto3
import pytest

@pytest.mark.parametrize("time", ["first", "second"])
def test_code_that_makes_its_own_client(ecr_environment, time):
    digest = ecr_environment.push_image("team/app", "v1").digest
    client = boto3.client("ecr")
    try:
        found = client.batch_get_image(repositoryName="team/app", imageIds=[{"imageTag": "v1"}])
    finally:
        client.close()
    assert [image["imageId"]["imageDigest"] for image in found["images"]] == [digest]

def test_the_environment_is_the_users_again():
    assert os.environ["AWS_PROFILE"] == "mine"
    assert "AWS_ENDPOINT_URL_ECR" not in os.environ
"""


def run(pytester: pytest.Pytester, *options: str) -> pytest.RunResult:
    """Run the tests in a process of their own, in which a warning is an error."""
    # pytest-asyncio warns of an option that it wants to be set.
    warnings = "-W", "error", "-W", "ignore::pytest.PytestDeprecationWarning"
    return pytester.runpytest_subprocess("-p", "no:cacheprovider", *warnings, *options)


@pytest.mark.parametrize(("mode", "mark"), [("auto", ""), ("strict", "@pytest.mark.asyncio")])
def test_asynchronous_tests_in_both_modes_of_pytest_asyncio(
    pytester: pytest.Pytester, mode: str, mark: str
) -> None:
    pytester.makepyfile(ASYNCHRONOUS.format(mark=mark))
    run(pytester, "-o", f"asyncio_mode={mode}").assert_outcomes(passed=2)


def test_asynchronous_tests_that_share_an_event_loop(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(ASYNCHRONOUS.format(mark=""))
    loops = "asyncio_default_fixture_loop_scope", "asyncio_default_test_loop_scope"
    options = [option for name in loops for option in ("-o", f"{name}=session")]
    run(pytester, "-o", "asyncio_mode=auto", *options).assert_outcomes(passed=2)


def test_asynchronous_tests_by_anyio(pytester: pytest.Pytester) -> None:
    pytest.importorskip("anyio", reason="NOT TESTED: anyio's plugin is not installed")
    pytester.makepyfile(ASYNCHRONOUS.format(mark="@pytest.mark.anyio"))
    pytester.makeconftest("import pytest\n@pytest.fixture\ndef anyio_backend(): return 'asyncio'")
    run(pytester, "-p", "no:asyncio").assert_outcomes(passed=2)


def test_what_is_missing_without_a_plugin_for_event_loops(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(ASYNCHRONOUS.format(mark=""))
    result = run(pytester, "-p", "no:asyncio", "-p", "no:anyio")
    result.assert_outcomes(errors=2)
    result.stdout.fnmatch_lines(["*install pytest-asyncio and mark the test with @pytest.mark.asyncio*"])


def test_synchronous_tests_with_boto3(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "mine")
    monkeypatch.setenv("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true")
    monkeypatch.delenv("AWS_ENDPOINT_URL_ECR", raising=False)
    pytester.makepyfile(SYNCHRONOUS)
    run(pytester, "-W", "ignore::DeprecationWarning:botocore.*").assert_outcomes(passed=3)


def test_each_worker_of_xdist_has_a_server_of_its_own(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import os
        from pathlib import Path
        import pytest

        @pytest.mark.parametrize("number", range(6))
        def test_alone(local_ecr, number):
            local_ecr.push_image("team/app", "v1")
            with Path("workers.txt").open("a") as file:
                print(os.environ["PYTEST_XDIST_WORKER"], local_ecr.endpoint_url, file=file)
        """
    )
    run(pytester, "-n", "2").assert_outcomes(passed=6)
    pairs = {tuple(line.split()) for line in (pytester.path / "workers.txt").read_text().splitlines()}
    workers, endpoints = zip(*pairs, strict=True)
    assert len(set(workers)) == len(set(endpoints)) == len(pairs)


def test_nothing_is_imported_and_no_thread_runs_where_it_is_not_used(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import sys
        import threading

        def test_cost():
            ours = {name for name in sys.modules if name.partition(".")[0] == "ecr_async"}
            heavy = {"aiohttp", "attrs", "botocore", "cattrs", "msgspec", "orjson"} & sys.modules.keys()
            print("imported", *sorted(ours | heavy))
            assert threading.active_count() == 1
        """
    )
    result = run(pytester, "-s", "-p", "no:asyncio", "-p", "no:xdist", "-p", "no:hypothesispytest")
    result.assert_outcomes(passed=1)
    [line] = [line for line in result.outlines if "imported ecr_async" in line]
    assert line[line.index("ecr_async") :].split() == [
        "ecr_async",
        "ecr_async._lazy",
        "ecr_async.api",
        "ecr_async.errors",
        "ecr_async.testing",
        "ecr_async.testing.async_fixtures",
        "ecr_async.testing.plugin",
    ]


def test_another_server_for_all_tests_of_a_folder(pytester: pytest.Pytester) -> None:
    pytester.makeconftest(
        """
        import pytest
        from ecr_async.local import LocalECR
        from ecr_async.testing import ThreadedLocalECR

        @pytest.fixture(scope="session")
        def local_ecr_server():
            with ThreadedLocalECR(LocalECR(account_id="210987654321", region="eu-west-1")) as server:
                yield server
        """
    )
    pytester.makepyfile(
        """
        def test_settings(local_ecr, ecr_environment):
            assert (local_ecr.account_id, local_ecr.region) == ("210987654321", "eu-west-1")
            assert local_ecr is ecr_environment
        """
    )
    run(pytester).assert_outcomes(passed=1)


def test_the_fixtures_are_listed_with_what_they_are_for(pytester: pytest.Pytester) -> None:
    shown = run(pytester, "--fixtures", "-q").stdout.str()
    for fixture in ("local_ecr_server", "local_ecr", "ecr_environment", "ecr_session", "ecr_service"):
        _, _, following = shown.partition(f"{fixture} ")
        assert following.splitlines()[1].strip(), fixture


def test_it_is_found_by_its_entry_point(pytester: pytest.Pytester) -> None:
    result = pytester.run(sys.executable, "-m", "pytest", "--version", "--version")
    assert "ecr-async" in result.stdout.str() + result.stderr.str()

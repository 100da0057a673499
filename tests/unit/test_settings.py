"""Settings come from arguments, then the environment, then the shared config file."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ecr_async._config import settings
from ecr_async._config.shared_files import read_shared_files
from ecr_async.errors import ConfigurationError

Write = Callable[[str], dict[str, str]]


@pytest.fixture
def no_files(tmp_path: Path) -> dict[str, str]:
    """An environment whose shared files don't exist."""
    return {
        "AWS_CONFIG_FILE": str(tmp_path / "config"),
        "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "credentials"),
    }


@pytest.fixture
def write(tmp_path: Path, no_files: dict[str, str]) -> Write:
    """Writes the shared config file, and gives the environment that points to it."""

    def write_config(text: str) -> dict[str, str]:
        (tmp_path / "config").write_text(text)
        return no_files

    return write_config


# setting, argument, variable and its value, key and its value, and what each of the three means
SETTINGS: list[tuple[str, Any, tuple[str, str], tuple[str, str], tuple[Any, Any, Any]]] = [
    ("region", "a-1", ("AWS_REGION", "b-1"), ("region", "c-1"), ("a-1", "b-1", "c-1")),
    ("region", "a-1", ("AWS_DEFAULT_REGION", "b-1"), ("region", "c-1"), ("a-1", "b-1", "c-1")),
    (
        "endpoint_url",
        "http://a",
        ("AWS_ENDPOINT_URL", "http://b"),
        ("endpoint_url", "http://c"),
        ("http://a", "http://b", "http://c"),
    ),
    (
        "use_fips",
        False,
        ("AWS_USE_FIPS_ENDPOINT", "true"),
        ("use_fips_endpoint", "True"),
        (False, True, True),
    ),
    (
        "use_dualstack",
        False,
        ("AWS_USE_DUALSTACK_ENDPOINT", "TRUE"),
        ("use_dualstack_endpoint", "true"),
        (False, True, True),
    ),
    (
        "retry_mode",
        "adaptive",
        ("AWS_RETRY_MODE", "legacy"),
        ("retry_mode", "Adaptive"),
        ("adaptive", "standard", "adaptive"),
    ),
    ("max_attempts", 7, ("AWS_MAX_ATTEMPTS", "5"), ("max_attempts", "1"), (7, 5, 1)),
    ("app_id", "a", ("AWS_SDK_UA_APP_ID", "b"), ("sdk_ua_app_id", "c"), ("a", "b", "c")),
    ("ca_bundle", "/", ("AWS_CA_BUNDLE", "/."), ("ca_bundle", "/./"), ("/", "/.", "/./")),
]


@pytest.mark.parametrize(("setting", "argument", "variable", "key", "meanings"), SETTINGS)
def test_an_argument_goes_before_the_environment_and_that_before_the_file(
    setting: str,
    argument: Any,
    variable: tuple[str, str],
    key: tuple[str, str],
    meanings: tuple[Any, Any, Any],
    write: Write,
) -> None:
    files = write(f"[default]\n{key[0]} = {key[1]}\n")
    environ = {**files, variable[0]: variable[1]}
    found = (
        getattr(settings.load(environ=environ, **{setting: argument}), setting),
        getattr(settings.load(environ=environ), setting),
        getattr(settings.load(environ=files), setting),
    )
    assert found == meanings


@pytest.mark.parametrize("variable", [case[2][0] for case in SETTINGS])
def test_a_variable_set_to_nothing_counts_as_not_set(variable: str, no_files: dict[str, str]) -> None:
    assert settings.load(environ={**no_files, variable: ""}) == settings.load(environ=no_files)


def test_nothing_set_means_the_defaults(no_files: dict[str, str]) -> None:
    assert settings.load(environ=no_files) == settings.Config(config_file=no_files["AWS_CONFIG_FILE"])


def test_aws_region_goes_before_aws_default_region(no_files: dict[str, str]) -> None:
    environ = {**no_files, "AWS_DEFAULT_REGION": "us-east-1", "AWS_REGION": "eu-west-1"}
    assert settings.load(environ=environ).region == "eu-west-1"


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("AWS_MAX_ATTEMPTS", "abc"),
        ("AWS_MAX_ATTEMPTS", "0"),
        ("AWS_MAX_ATTEMPTS", "-3"),
        ("AWS_RETRY_MODE", "sometimes"),
        ("AWS_USE_FIPS_ENDPOINT", "1"),
        ("AWS_USE_DUALSTACK_ENDPOINT", "yes"),
        ("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "on"),
        ("AWS_CA_BUNDLE", "/nowhere/bundle.pem"),
    ],
)
def test_a_value_that_makes_no_sense_is_rejected_by_its_variables_name(
    variable: str, value: str, no_files: dict[str, str]
) -> None:
    with pytest.raises(ConfigurationError, match=f"^{variable}: '{value}' "):
        settings.load(environ={**no_files, variable: value})


def test_a_value_that_makes_no_sense_is_rejected_by_its_arguments_name(no_files: dict[str, str]) -> None:
    with pytest.raises(ConfigurationError, match=r"^max_attempts: 0 is not a whole number"):
        settings.load(max_attempts=0, environ=no_files)


def test_a_value_that_makes_no_sense_is_rejected_by_its_key_in_the_file(write: Write) -> None:
    environ = write("[default]\nmax_attempts = many\n")
    with pytest.raises(ConfigurationError, match=r"^max_attempts in the shared config file: 'many'"):
        settings.load(environ=environ)


class TestProfiles:
    TWO_PROFILES = "[default]\nregion = us-east-1\n[profile prod]\nregion = eu-west-1\n"

    def test_the_profile_default_is_used_unless_another_is_named(self, write: Write) -> None:
        loaded = settings.load(environ=write(self.TWO_PROFILES))
        assert (loaded.profile, loaded.region) == ("default", "us-east-1")

    def test_a_profile_is_named_by_the_argument(self, write: Write) -> None:
        environ = {**write(self.TWO_PROFILES), "AWS_PROFILE": "nobody"}
        loaded = settings.load(profile="prod", environ=environ)
        assert (loaded.profile, loaded.region) == ("prod", "eu-west-1")

    @pytest.mark.parametrize("variable", ["AWS_PROFILE", "AWS_DEFAULT_PROFILE"])
    def test_a_profile_is_named_by_the_environment(self, variable: str, write: Write) -> None:
        environ = {**write(self.TWO_PROFILES), variable: "prod"}
        assert settings.load(environ=environ).region == "eu-west-1"

    def test_the_credentials_files_settings_win_over_the_config_files(
        self, write: Write, tmp_path: Path
    ) -> None:
        environ = write("[profile prod]\nregion = eu-west-1\nmax_attempts = 4\n")
        (tmp_path / "credentials").write_text("[prod]\nregion = eu-north-1\n")
        loaded = settings.load(profile="prod", environ=environ)
        assert (loaded.region, loaded.max_attempts) == ("eu-north-1", 4)

    def test_a_profile_that_does_not_exist_is_rejected_with_the_files_that_were_read(
        self, no_files: dict[str, str]
    ) -> None:
        with pytest.raises(ConfigurationError, match=r"'nobody' is neither in .*config nor in .*credentials"):
            settings.load(profile="nobody", environ=no_files)

    def test_a_file_that_cannot_be_parsed_is_named_and_not_quoted(self, write: Write) -> None:
        environ = write("aws_secret_access_key = CANARY\n")
        with pytest.raises(ConfigurationError, match="cannot be parsed") as caught:
            settings.load(environ=environ)
        assert environ["AWS_CONFIG_FILE"] in str(caught.value)
        assert "CANARY" not in str(caught.value)
        assert caught.value.__cause__ is None
        assert caught.value.__context__ is None


class TestEndpointURL:
    EVERYWHERE = (
        "[default]\nservices = local\nendpoint_url = http://profile\n"
        "[services local]\necr =\n  endpoint_url = http://section\nsts =\n  endpoint_url = http://sts\n"
    )

    @pytest.mark.parametrize(
        ("variables", "expected"),
        [
            (
                {"AWS_ENDPOINT_URL": "http://all", "AWS_ENDPOINT_URL_ECR": "http://ecr"},
                "http://ecr",
            ),
            ({"AWS_ENDPOINT_URL": "http://all"}, "http://all"),
            ({}, "http://section"),
        ],
    )
    def test_ecrs_own_goes_before_everyones_and_the_environment_before_the_file(
        self, variables: dict[str, str], expected: str, write: Write
    ) -> None:
        assert settings.load(environ={**write(self.EVERYWHERE), **variables}).endpoint_url == expected

    def test_a_services_section_that_is_silent_about_ecr_leaves_the_profiles(self, write: Write) -> None:
        environ = write(
            "[default]\nservices = local\nendpoint_url = http://profile\n"
            "[services local]\nsts =\n  endpoint_url = http://sts\n"
        )
        assert settings.load(environ=environ).endpoint_url == "http://profile"

    def test_a_services_section_that_does_not_exist_is_rejected(self, write: Write) -> None:
        environ = write("[default]\nservices = local\n")
        with pytest.raises(ConfigurationError, match=r"no section \[services local\]"):
            settings.load(environ=environ)

    def test_a_services_section_must_nest_ecrs_settings(self, write: Write) -> None:
        environ = write("[default]\nservices = local\n[services local]\necr = http://section\n")
        with pytest.raises(ConfigurationError, match=r"ecr in section \[services local\]"):
            settings.load(environ=environ)

    def test_the_environment_can_have_configured_ones_ignored(self, write: Write) -> None:
        environ = {
            **write(self.EVERYWHERE),
            "AWS_ENDPOINT_URL": "http://all",
            "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true",
        }
        assert settings.load(environ=environ).endpoint_url is None
        assert (
            settings.load(environ=environ, endpoint_url="http://argument").endpoint_url == "http://argument"
        )

    def test_the_file_can_have_configured_ones_ignored(self, write: Write) -> None:
        environ = write("[default]\nignore_configured_endpoint_urls = true\nendpoint_url = http://profile\n")
        assert settings.load(environ=environ).endpoint_url is None


def test_a_missing_region_is_one_sentence_that_says_where_we_looked(write: Write) -> None:
    environ = write("[profile prod]\nmax_attempts = 3\n")
    loaded = settings.load(profile="prod", environ=environ)
    with pytest.raises(ConfigurationError) as caught:
        loaded.require_region()
    assert str(caught.value) == (
        "no AWS region: none was given as an argument, in AWS_REGION or AWS_DEFAULT_REGION, "
        f"or in profile 'prod' of {environ['AWS_CONFIG_FILE']}"
    )


def test_a_region_that_is_there_is_required_and_given() -> None:
    assert settings.Config(region="eu-west-1").require_region() == "eu-west-1"


class TestNeedsFiles:
    def test_without_files_and_profile_nothing_is_read(self, no_files: dict[str, str]) -> None:
        assert not settings.needs_files(None, no_files)

    def test_a_profile_needs_them(self, no_files: dict[str, str]) -> None:
        assert settings.needs_files("prod", no_files)
        assert settings.needs_files(None, {**no_files, "AWS_PROFILE": "prod"})

    @pytest.mark.parametrize("name", ["config", "credentials"])
    def test_either_file_is_read_where_it_exists(
        self, name: str, no_files: dict[str, str], tmp_path: Path
    ) -> None:
        (tmp_path / name).touch()
        assert settings.needs_files(None, no_files)

    def test_the_files_are_in_the_home_directory_unless_the_environment_says_otherwise(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("HOME", str(tmp_path))
        assert not settings.needs_files(None, {})
        (tmp_path / ".aws").mkdir()
        (tmp_path / ".aws" / "config").touch()
        assert settings.needs_files(None, {})


def test_botocore_is_not_imported_where_arguments_and_environment_say_it_all(
    no_files: dict[str, str],
) -> None:
    program = """
import asyncio, sys
from ecr_async._auth import botocore_chain, cached_credentials
from ecr_async._config import endpoints
from ecr_async._config import settings
from ecr_async._config.shared_files import read_shared_files
found = settings.load(region="eu-west-1", endpoint_url="http://localhost:8000")
endpoints.resolve(found.require_region(), endpoint_url=found.endpoint_url)
endpoints.resolve(found.require_region())  # where it is known
asyncio.run(cached_credentials.CachedCredentials(botocore_chain.botocore_chain(None, found.region)).get())
sys.exit("botocore" in sys.modules)
"""
    keys = {"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "secret"}
    path = {"PYTHONPATH": str(Path(settings.__file__).parents[2])}
    run = subprocess.run([sys.executable, "-c", program], env={**no_files, **keys, **path}, check=False)
    assert run.returncode == 0


@pytest.mark.parametrize("value", ["user:canary@host", "key=canary", "a?canary", "canary" * 20])
def test_a_value_that_may_hold_a_secret_is_not_repeated(value: str) -> None:
    with pytest.raises(ConfigurationError, match="AWS_MAX_ATTEMPTS: the value is not") as caught:
        settings.load(environ={"AWS_MAX_ATTEMPTS": value})
    assert "canary" not in str(caught.value)


def test_what_may_be_a_secret_is_not_taken_out_of_the_files(tmp_path: Path) -> None:
    config, credentials = tmp_path / "config", tmp_path / "credentials"
    config.write_text("[default]\nregion = eu-west-1\ncredential_process = keys --token canary\n")
    credentials.write_text("[default]\naws_access_key_id = canary\naws_session_token = canary\n")
    files = read_shared_files(str(config), str(credentials))
    assert files["profiles"] == {"default": {"region": "eu-west-1"}}

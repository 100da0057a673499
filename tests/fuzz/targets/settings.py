"""The AWS config and credentials files: settings, or a `ConfigurationError` that repeats no secret."""

from ecr_async._config.settings import load
from ecr_async.errors import ConfigurationError
from tests.fuzz.folder import folder_of
from tests.fuzz.outcomes import CANARY, rejected
from tests.fuzz.target import Target

__all__ = ["TARGET"]


def _loaded(tried: bytes) -> str:
    """The config file is what stands before the first NUL, the credentials file what stands after it."""
    config, _, credentials = tried.partition(b"\0")
    environ = {"AWS_PROFILE": "prod"} if len(tried) % 2 else {}
    for name, variable, content in (
        ("config", "AWS_CONFIG_FILE", config),
        ("credentials", "AWS_SHARED_CREDENTIALS_FILE", credentials),
    ):
        (folder_of("settings") / name).write_bytes(content)
        environ[variable] = str(folder_of("settings") / name)
    try:
        found = load(environ=environ)
    except ConfigurationError as error:
        return rejected(error, [CANARY])
    assert CANARY not in repr(found)
    return "loaded"


CONFIG = b"""\
[default]
region = eu-west-1
retry_mode = adaptive
max_attempts = 5
use_fips_endpoint = true
services = here
[profile prod]
region = us-east-1
endpoint_url = https://localhost:4566
ca_bundle = /etc/ssl/ca.pem
role_arn = arn:aws:iam::123456789012:role/reader
s3 =
  addressing_style = path
credential_process = keys --token %b
[services here]
ecr =
  endpoint_url = http://127.0.0.1:1
"""
CREDENTIALS = b"""\
[default]
aws_access_key_id = AKIAEXAMPLE
aws_secret_access_key = %b
[prod]
aws_access_key_id = AKIAEXAMPLE
aws_secret_access_key = %b
aws_session_token = %b
"""

TARGET = Target(
    "settings",
    [
        CONFIG % CANARY.encode() + b"\0" + CREDENTIALS % ((CANARY.encode(),) * 3),
        b"[default]\nregion = eu-west-1\n\0[prod]\naws_secret_access_key = %b\n" % CANARY.encode(),
    ],
    _loaded,
    words=[b"[", b"]\n", b"\n ", b" = ", b"\n[profile prod]\n", b"\xef\xbb\xbf", b"%(x)s", b"#", b"\r"],
    share=5,
)

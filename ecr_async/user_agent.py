"""The User-Agent header, in the format that the AWS SDKs share.

See https://docs.aws.amazon.com/sdkref/latest/guide/feature-appid.html for the application id.
"""

import os
import platform
import re
from functools import cache

import ecr_async

__all__ = ["user_agent"]

_NOT_ALLOWED = re.compile(r"[^!#$%&'*+\-.^_`|~0-9A-Za-z]")


@cache
def user_agent(retry_mode: str, app_id: str | None) -> str:
    """Return who we are: library, system, language, retry mode, and the application's own id."""
    words = [
        f"ecr-async/{ecr_async.__version__}",
        "ua/2.1",
        f"os/{_clean(platform.system().lower())}#{_clean(platform.release())}",
        f"lang/python#{platform.python_version()}",
        f"cfg/retry-mode#{retry_mode}",
    ]
    environment = os.environ.get("AWS_EXECUTION_ENV")
    if environment:
        words.append(f"exec-env/{_clean(environment)}")
    if app_id:
        words.append(f"app/{_clean(app_id)}")
    return " ".join(words)


def _clean(text: str) -> str:
    return _NOT_ALLOWED.sub("-", text)

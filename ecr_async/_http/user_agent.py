"""The User-Agent header, in the format that the AWS SDKs share.

See https://docs.aws.amazon.com/sdkref/latest/guide/feature-appid.html for the application id.
"""

import os
import platform
import re
from functools import cache

from ecr_async._version import __version__

__all__ = ["user_agent"]

_NOT_ALLOWED = re.compile(r"[^!$%&'*+\-.^_`|~,0-9A-Za-z]")

_SYSTEMS = {"Linux": "linux", "Darwin": "macos", "Windows": "windows"}


@cache
def user_agent(retry_mode: str, app_id: str | None) -> str:
    """Return who we are: library, system, language, environment, retry mode, the application's own id.

    Characters that the format does not admit become hyphens.
    """
    system = _SYSTEMS.get(platform.system(), "other")
    words = [
        f"ecr-async/{__version__}",
        "ua/2.1",
        f"os/{system}#{_clean(platform.release())}",
        f"lang/python#{_clean(platform.python_version())}",
    ]
    environment = os.environ.get("AWS_EXECUTION_ENV")
    if environment:
        words.append(f"exec-env/{_clean(environment)}")
    words.append(f"cfg/retry-mode#{retry_mode}")
    if app_id:
        words.append(f"app/{_clean(app_id)}")
    return " ".join(words)


def _clean(text: str) -> str:
    return _NOT_ALLOWED.sub("-", text) or "-"

"""A virtual environment for each client, so that no peer's requirements bend another's."""

from __future__ import annotations

import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parent


@dataclass(frozen=True)
class Peer:
    """A client that is measured: its adapter's module, how the tables call it, and what it
    needs installed.
    """

    module: str
    title: str
    requirements: tuple[str, ...]
    shown: tuple[str, ...]
    """The distributions whose versions belong to the results."""

    @property
    def python(self) -> Path:
        """The interpreter of its environment."""
        return environment(self.module) / "bin" / "python"


FLOOR = Peer("floor", "floor", ("aiohttp", "orjson"), ("aiohttp", "orjson"))
OURS = Peer("ours", "ecr-async", (str(ROOT),), ("aiohttp", "msgspec", "attrs", "cattrs", "botocore"))
CAPO = Peer("capo_client", "capo-ecr", ("capo-ecr",), ("capo-ecr", "zapros"))
AIOBOTOCORE = Peer(
    "aiobotocore_client", "aiobotocore", ("aiobotocore",), ("aiobotocore", "botocore", "aiohttp")
)
BOTO3 = Peer("boto3_client", "boto3 in threads", ("boto3",), ("boto3", "botocore"))
PEERS = (FLOOR, OURS, CAPO, AIOBOTOCORE, BOTO3)


def environment(name: str) -> Path:
    """Where the environment of that name lives."""
    return HERE / f".venv-{name.removesuffix('_client')}"


def prepare(peer: Peer, *, fresh: bool = False) -> None:
    """Build the environment unless it is there; this checkout's package is installed anew each time."""
    if fresh:
        shutil.rmtree(environment(peer.module), ignore_errors=True)
    install(peer.module, peer.requirements)
    if peer is OURS:
        pip(peer.module, "install", "--force-reinstall", "--no-deps", str(ROOT))


def install(name: str, requirements: tuple[str, ...]) -> Path:
    """Build an environment with these requirements unless it is there; give back its interpreter."""
    ready = environment(name) / "ready"
    wanted = "\n".join((sys.version, *requirements))
    if not ready.exists() or ready.read_text() != wanted:
        shutil.rmtree(environment(name), ignore_errors=True)
        subprocess.run([sys.executable, "-m", "venv", environment(name)], check=True)
        pip(name, "install", *requirements)
        ready.write_text(wanted)
    return environment(name) / "bin" / "python"


def pip(name: str, *arguments: str) -> str:
    """Run pip in the environment of that name, give back what it prints."""
    command = [environment(name) / "bin" / "python", "-m", "pip", "-qq", *arguments]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def versions(peer: Peer) -> str:
    """What is installed in the peer's environment, in words."""
    installed = dict(line.split("==", 1) for line in pip(peer.module, "freeze").splitlines() if "==" in line)
    found = (f"{name} {installed[name]}" for name in peer.shown if name in installed)
    return f"{peer.title}: {', '.join(found)}"

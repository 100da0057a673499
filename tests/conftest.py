"""What all tests share: an embedded ECR, and how hypothesis looks for counterexamples."""

import os
from collections.abc import AsyncIterator

import coverage
import pytest
from hypothesis import HealthCheck, Phase, settings

from ecr_async.local import LocalECR
from ecr_async.service import Service

# New counterexamples on a desk, the same ones on every CI run.

settings.register_profile("desk", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("ci", settings.get_profile("desk"), derandomize=True)
# Thousands of changed versions, each of which an example or two distinguishes from the right one.
settings.register_profile(
    "mutants",
    settings.get_profile("ci"),
    max_examples=30,
    database=None,
    phases=[Phase.explicit, Phase.generate],
)
settings.load_profile("ci" if os.environ.get("CI") else "desk")


@pytest.fixture
async def local() -> AsyncIterator[LocalECR]:
    """An embedded ECR, empty."""
    async with LocalECR() as local:
        yield local


@pytest.fixture
async def service(local: LocalECR) -> AsyncIterator[Service]:
    """A service of the embedded ECR, in its own region and account."""
    async with local.session() as session:
        yield session.service()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say what was not tested on this machine, which the dots don't."""
    reports: list[pytest.TestReport] = terminalreporter.stats.get("skipped", [])
    reasons = {str(report.longrepr[2]) for report in reports if isinstance(report.longrepr, tuple)}
    for reason in sorted(reasons):
        if "NOT TESTED" in reason:
            terminalreporter.write_line(f"===> {reason.removeprefix('Skipped: ')}", yellow=True, bold=True)


def pytest_sessionfinish() -> None:
    """Write down what was covered, since xdist kills a process that takes more than 10 s to end."""
    measuring = coverage.Coverage.current()
    if measuring is not None:
        measuring.save()

"""What every test gets: coroutines with a deadline, no silent skips in CI, hypothesis profiles, shared data."""

from __future__ import annotations

import asyncio
import inspect
import os
import shutil
import tempfile
from collections.abc import Awaitable, Callable, Generator, Iterator
from pathlib import Path

import pytest
from hypothesis import settings

ROOT = Path(__file__).resolve().parents[1]
DEADLINE = 30.0
IN_CI = bool(os.environ.get("CI"))

# A red run in CI is about the change, not about the dice: the same examples every time. Everywhere
# else hypothesis looks for new ones, and keeps what it found in .hypothesis.
settings.register_profile("ci", deadline=None, derandomize=True, print_blob=True)
settings.register_profile("here", deadline=None)
settings.load_profile("ci" if IN_CI else "here")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "slow: takes more than a few seconds; `-m 'not slow'` leaves it out")
    config.addinivalue_line("markers", "needs(what): may be skipped even in CI, where the machine lacks `what`")


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    arguments = {name: pyfuncitem.funcargs[name] for name in pyfuncitem._fixtureinfo.argnames}
    asyncio.run(finish(pyfuncitem.obj, arguments))
    return True


async def finish(test: Callable[..., Awaitable[None]], arguments: dict[str, object]) -> None:
    """Run a test to its end, which must come in time and leave no task behind."""
    async with asyncio.timeout(DEADLINE):
        await test(**arguments)
    await asyncio.sleep(0)  # what was cancelled in the last step may end
    left = asyncio.all_tasks() - {asyncio.current_task()}
    if left:
        pytest.fail("tasks are left over: " + ", ".join(sorted(map(repr, left))), pytrace=False)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    may_skip = item.get_closest_marker("needs") or "test_data" in getattr(item, "fixturenames", ())
    if IN_CI and report.skipped and not hasattr(report, "wasxfail") and not may_skip:
        report.outcome = "failed"
        report.longrepr = f"skipped in CI, where only tests marked `needs` may be: {skip_reason(report)}"
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    if IN_CI and report.skipped:
        report.outcome = "failed"
        report.longrepr = f"a whole module skipped in CI: {skip_reason(report)}"
    return report


def skip_reason(report: pytest.TestReport | pytest.CollectReport) -> object:
    return report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr


@pytest.fixture(scope="session")
def test_data() -> Path:
    """The folder of shared fixtures, named by ROUTER_TEST_DATA; a relative path starts at the repository's root."""
    named = os.environ.get("ROUTER_TEST_DATA")
    if not named:
        pytest.skip("ROUTER_TEST_DATA names no folder; accuracy on rated posts is not measured")
    folder = (ROOT / named).resolve()
    if not folder.is_dir():
        pytest.fail(f"ROUTER_TEST_DATA: no folder {str(folder)!r}", pytrace=False)
    return folder


@pytest.fixture
def runtime(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A runtime folder with a short path, as sockets need it, and nobody else's flows in it."""
    folder = Path(tempfile.mkdtemp(prefix="rt-"))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(folder))
    monkeypatch.setenv("TMPDIR", str(folder))
    yield folder
    shutil.rmtree(folder)

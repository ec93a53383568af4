"""The wheel holds what it should, and works in an empty environment far from the repository."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PAGE = {str(path.relative_to(ROOT)) for path in (ROOT / "router/control/page/static").rglob("*.*")}

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


def run(*command: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run a program that may know nothing of this checkout and must succeed."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "COV_"))}
    environment["XDG_STATE_HOME"] = str(cwd / "state")
    done = subprocess.run(
        [str(word) for word in command], cwd=cwd, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", folder, ROOT, cwd=folder)
    return next(folder.glob("stream_router-*.whl"))


@pytest.fixture(scope="module")
def programs(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of programs of an environment that holds the wheel and what it asks for."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, with_pip=True)
    run(folder / "bin" / "python", "-m", "pip", "install", "--quiet", wheel, cwd=folder)
    return folder / "bin"


def test_the_wheel_holds_the_packages_their_types_the_example_and_the_notices(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    info = wheel.name.split("-py3")[0] + ".dist-info"
    wanted = {
        "router/py.typed",
        "router_processors/py.typed",
        "router_ui/py.typed",
        "router_ui/app.tcss",
        "router/cli/examples/tweets/tweets.yaml",
        "router/cli/examples/tweets/data/posts.jsonl",
        *PAGE,
        f"{info}/licenses/LICENSE",
        f"{info}/licenses/NOTICE",
    }
    assert wanted - set(names) == set()
    assert [name for name in names if name.endswith(".onnx")] != []


def test_the_wheel_holds_no_test_and_no_bench(wheel: Path) -> None:
    roots = {name.split("/")[0] for name in zipfile.ZipFile(wheel).namelist()}
    assert roots == {"router", "router_processors", "router_ui", wheel.name.split("-py3")[0] + ".dist-info"}


def test_the_installed_command_writes_the_example_and_runs_it(programs: Path, tmp_path: Path) -> None:
    assert run(programs / "router", "version", cwd=tmp_path).stdout.split()[-1].count(".") == 2
    run(programs / "router", "new", "flow", "tweets", cwd=tmp_path)
    done = run(programs / "router", "run", "flows/tweets.yaml", "--json", cwd=tmp_path)
    report = json.loads(done.stdout)
    assert (report["flow"], report["exit"]) == ("tweets", 0)
    assert (tmp_path / "flows" / "out" / "alerts.jsonl").stat().st_size > 0


def test_the_installed_packages_are_typed_and_import_from_the_environment(programs: Path, tmp_path: Path) -> None:
    program = "import router, router_processors; print(router.__file__); print(router_processors.__file__)"
    places = run(programs / "python", "-c", program, cwd=tmp_path).stdout.split()
    assert [Path(place).is_relative_to(programs.parent) for place in places] == [True, True]

"""`router new` writes what works at once, and overwrites nothing."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest


def pytest_in(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def test_a_new_flow_runs_as_it_is(router: Any, folder: Path) -> None:
    written = router("new", "flow", "orders")
    assert written.stdout.splitlines() == ["wrote flows/orders.yaml", "", "next:", "  router run flows/orders.yaml"]
    done = router("run", "flows/orders.yaml", "--json", "--strict")
    assert (done.returncode, json.loads(done.stdout)["flow"]) == (0, "orders"), done.stderr
    even = [json.loads(line) for line in (folder / "flows" / "out" / "even.jsonl").read_text().splitlines()]
    assert [each["square"] for each in even[:3]] == [0, 4, 16]


def test_the_example_brings_its_posts_and_its_model(router: Any, folder: Path) -> None:
    router("new", "flow", "tweets")
    found = {str(path.relative_to(folder / "flows")) for path in (folder / "flows").rglob("*") if path.is_file()}
    assert {"tweets.yaml", "data/posts.jsonl", "models/sentiment.onnx", "models/LICENSE.vaderSentiment.txt"} <= found
    assert router("validate", "flows/tweets.yaml").returncode == 0


def test_the_example_runs(router: Any, folder: Path) -> None:
    router("new", "flow", "tweets")
    done = router("run", "flows/tweets.yaml", "--json")
    report = json.loads(done.stdout)
    assert (done.returncode, report["outcome"], report["processors"]["score"]["in"] > 900) == (0, "done", True)
    assert (folder / "flows" / "out" / "alerts.jsonl").stat().st_size > 0


def test_what_finds_no_room_leaves_nothing_half_written(folder: Path) -> None:
    command = ["sh", "-c", 'ulimit -f 100; exec "$0" -m router new flow tweets', sys.executable]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    said = "flows/data/posts.jsonl: file too large; nothing was written\n"
    assert (done.returncode, done.stdout, done.stderr) == (2, "", said)
    assert [path for path in (folder / "flows").rglob("*") if path.is_file()] == []


def test_a_new_processor_passes_its_test_and_is_found_by_a_flow(router: Any, flow: Any, folder: Path) -> None:
    assert router("new", "processor", "shout").returncode == 0
    tested = pytest_in(folder, "test_shout.py")
    assert (tested.returncode, "2 passed" in tested.stdout) == (0, True), tested.stdout
    path = flow("loud", {"type": "count_up", "count": 1}, {"type": "shout", "field": "n"}, {"type": "keep"})
    assert router("validate", path).returncode == 0


def test_a_new_plugin_passes_its_tests_and_registers_its_processor(router: Any, folder: Path) -> None:
    assert router("new", "plugin", "shop_tools").returncode == 0
    tested = pytest_in(folder / "shop_tools")
    assert (tested.returncode, "2 passed" in tested.stdout) == (0, True), tested.stdout
    program = "from router.plugins import Registry; import shop_tools as plugin; r = Registry(); r.add(plugin, 'p')"
    program += "; print(*r.processors, *r.problems)"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=folder / "shop_tools", capture_output=True, text=True, check=False
    )
    assert (done.stdout, done.stderr) == ("shout\n", "")


@pytest.mark.parametrize("words", [("flow", "orders"), ("flow", "tweets"), ("processor", "shout"), ("plugin", "tools")])
def test_nothing_is_overwritten_and_nothing_is_written_beside_it(router: Any, folder: Path, words: Any) -> None:
    first = router("new", *words).stdout.splitlines()[0].removeprefix("wrote ")
    for path in [path for path in folder.rglob("*") if path.is_file() and path != folder / first]:
        path.unlink()
    (folder / first).write_text("mine")
    done = router("new", *words)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"{first}: is there already; nothing was written\n"
    assert [path for path in folder.rglob("*") if path.is_file()] == [folder / first]
    assert (folder / first).read_text() == "mine"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("plugin", "shop-tools"), "got 'shop-tools' (did you mean 'shop_tools'?)"),
        (("flow", "../escape"), "got '../escape' (did you mean 'escape'?)"),
        (("processor", "class"), "'class' is a word of Python; choose another one"),
        (("processor", "route"), "the processor type 'route' is taken by plugin 'builtins'"),
        (("plugin", "json"), "the name 'json' is taken by an installed package"),
        (("plugin", "router"), "the name 'router' is taken by an installed package"),
    ],
)
def test_a_name_that_would_not_work_is_refused(router: Any, folder: Path, words: Any, said: str) -> None:
    before = sorted(folder.rglob("*"))
    done = router("new", *words)
    assert (done.returncode, said in done.stderr, sorted(folder.rglob("*")) == before) == (2, True, True), done.stderr

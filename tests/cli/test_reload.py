"""A flow that runs follows its file: asked by a command, by a signal, by the file itself; and what would be changed."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import shutil
import signal
import subprocess
import tempfile
import termios
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml

ENDLESS = {"type": "count_up", "to": "keep"}
KEEP = {"type": "keep"}


@pytest.fixture
def call(router: Any) -> Callable[..., tuple[int, str, str]]:
    """A command to its end: exit code, what it printed, what it complained of."""

    def run(*arguments: str) -> tuple[int, str, str]:
        done = router(*arguments)
        return done.returncode, done.stdout, done.stderr

    return run


@pytest.fixture
def live(start: Any, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Any]]:
    """A flow that runs with the data folder `data`, and can be asked."""
    runtime = Path(tempfile.mkdtemp(prefix="rt-"))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(runtime))

    def run(path: Path, *options: str) -> Any:
        started = start("run", str(path), "--data", "data", *options)
        started.until("kept the first")
        deadline = time.monotonic() + 30
        while not list((runtime / "router").glob("*.json")):
            assert time.monotonic() < deadline
            time.sleep(0.02)
        return started

    yield run
    shutil.rmtree(runtime)


@pytest.fixture
def written(folder: Path) -> Callable[..., Path]:
    """Write a flow with this sink, and what else there is."""

    def write(keep: Any = None, name: str = "demo.yaml", **more: Any) -> Path:
        path = folder / name
        flow = {"flow": "demo", "processors": {"read": ENDLESS, **more, "keep": keep or KEEP}}
        path.write_text(yaml.safe_dump(flow, sort_keys=False))
        return path

    return write


def test_a_flow_follows_its_file_when_it_is_asked_to(live: Any, call: Any, written: Any) -> None:
    run = live(written())
    written({"type": "keep", "run": {"concurrency": 2, "ordered": False}})
    code, said, errors = call("reload", "demo", "--data", "data")
    assert (code, errors) == (0, "")
    assert said.splitlines() == [
        "demo: replaced keep", "demo:   run.concurrency: 1 -> 2", "demo:   run.ordered: True -> False"
    ]  # fmt: skip
    assert call("reload", "demo", "--data", "data")[1] == "demo: nothing is different\n"
    run.send(signal.SIGTERM)
    assert run.end()[0] == 0


def test_a_bad_file_is_refused_with_all_that_is_wrong(live: Any, call: Any, written: Any) -> None:
    run = live(written())
    written({"type": "kep"}, other={"type": "filtr"})
    code, said, errors = call("reload", "demo", "--data", "data")
    assert (code, said) == (1, "")
    assert "demo.yaml:7:5" in errors
    assert "'kep' (did you mean 'keep'?)" in errors
    assert "'filtr' (did you mean 'filter'?)" in errors
    run.send(signal.SIGTERM)
    assert run.end()[0] == 0


def test_another_file_is_the_flows_own_from_then_on(live: Any, call: Any, written: Any, folder: Path) -> None:
    run = live(written())
    other = written({"type": "keep", "run": {"concurrency": 2, "ordered": False}}, name="other.yaml")
    assert json.loads(call("reload", "demo", "--data", "data", "--file", "other.yaml", "--json")[1])["replaced"]
    looked = json.loads(call("status", "--data", "data", "--json")[1])
    assert looked["file"] == str(folder.resolve() / other.name)
    run.send(signal.SIGTERM)
    assert run.end()[0] == 0


def test_a_hangup_has_it_follow_its_file(live: Any, written: Any) -> None:
    run = live(written())
    written({"type": "keep", "run": {"concurrency": 2, "ordered": False}})
    run.send(signal.SIGHUP)
    run.until("demo: reloaded (replaced=keep)")
    run.send(signal.SIGTERM)
    assert run.end()[0] == 0


def test_a_terminal_that_goes_stops_the_flow_in_it(start: Any, written: Any) -> None:
    ours, theirs = pty.openpty()
    run = start(
        "run", str(written()), "--data", "data", "--json", stdin=theirs, stderr=theirs, stdout=subprocess.PIPE,
        start_new_session=True, preexec_fn=partial(fcntl.ioctl, 0, termios.TIOCSCTTY, 0),
    )  # fmt: skip
    os.close(theirs)
    seen = b""
    while b"kept the first" not in seen:
        seen += os.read(ours, 65536)
    os.close(ours)
    said, _ = run.process.communicate(timeout=30)
    assert (json.loads(said)["outcome"], run.process.returncode) == ("stopped", 0)


def test_with_watch_it_follows_its_file_by_itself(live: Any, written: Any) -> None:
    run = live(written(), "--watch")
    written({"type": "kep"})
    run.until("was not reloaded")
    written({"type": "keep", "run": {"concurrency": 2, "ordered": False}})
    run.until("demo: reloaded (replaced=keep)")
    run.send(signal.SIGTERM)
    assert run.end()[0] == 0


def test_a_plugin_that_changed_begins_its_processors_anew_and_no_others(
    live: Any, call: Any, written: Any, folder: Path
) -> None:
    (folder / "mine.py").write_text(MINE.format(plus=0))
    own = ("--plugin", "mine.py")
    step = {"type": "plus", "to": "keep"}
    path = written(plus=step)
    path.write_text(path.read_text().replace("to: keep", "to: plus", 1))
    run = live(path, *own)
    (folder / "mine.py").write_text(MINE.format(plus=1000))
    said = call("reload", "demo", "--data", "data")[1]
    assert said.splitlines() == ["demo: replaced plus", "demo:   type: plus -> plus (its code has changed)"]
    run.send(signal.SIGTERM)
    assert run.end()[0] == 0


MINE = '''
from router import processor

@processor
def plus(record: dict) -> dict:
    """Add to a number."""
    return {{**record, "n": record["n"] + {plus}}}
'''


def test_what_a_reload_would_change_is_said_without_a_flow_that_runs(call: Any, written: Any) -> None:
    old = written(name="old.yaml")
    queue = {"processor": "keep", "queue": {"records": 7}}
    new = written(more={"type": "filter", "where": "n > 1", "to": queue}, name="new.yaml")
    new.write_text(new.read_text().replace("to: keep", "to: more", 1))
    code, said, _ = call("diff", str(old), str(new))
    assert (code, said.splitlines()) == (
        1,
        [
            "added more", "rewired read", "rewired keep", "added connection read.success>more",
            "added connection more.success>keep", "removed connection read.success>keep",
        ],
    )  # fmt: skip
    assert call("diff", str(old), str(old))[:2] == (0, "")
    found = json.loads(call("diff", str(old), str(new), "--json")[1])
    assert (found["added"], found["connections_removed"]) == (["more"], ["read.success>keep"])
    assert call("diff", str(old), "nothing.yaml")[0] == 2


def test_a_secret_that_changed_is_named_and_not_shown(call: Any, written: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, secret in (("OLD", "hunter-one-22"), ("NEW", "hunter-two-33")):
        monkeypatch.setenv(name, secret)
        serve = {"type": "serve_http", "listen": "127.0.0.1:0", "to": "keep"}
        serve["auth"] = {"type": "bearer", "tokens": [f"${{secret:{name}}}"]}  # type: ignore[assignment]
        written(name=f"{name.lower()}.yaml", serve=serve)
    code, said, errors = call("diff", "old.yaml", "new.yaml")
    assert (code, errors) == (1, "")
    assert "replaced serve" in said
    assert "hunter" not in said

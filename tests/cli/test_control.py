"""Commands that watch and steer a flow that runs in another process, found by its name, its folder, or a URL."""

from __future__ import annotations

import json
import os
import re
import socket
import time
from collections.abc import Callable
from pathlib import Path
from signal import SIGCONT, SIGINT, SIGKILL, SIGSTOP, SIGTERM
from typing import Any

import pytest

from router.control.places import socket_path

EDGE, NEXT = "step0.success>step1", "step1.success>step2"
COUNT: dict[str, Any] = {"type": "count_up"}
CHAIN = (COUNT, {"type": "same"}, {"type": "keep"})
DEADLINE = 30.0


@pytest.fixture(autouse=True)
def own_runtime(runtime: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody else's flows, and no token."""
    monkeypatch.delenv("ROUTER_TOKEN", raising=False)


def wait_for(condition: Callable[[], Any]) -> Any:
    """Look again and again until something is so."""
    deadline = time.monotonic() + DEADLINE
    while not (found := condition()):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return found


def served(data: Path) -> bool:
    """True if there is a socket for a data folder, wherever its path is short enough."""
    path = socket_path(data)
    return path is not None and path.exists()


@pytest.fixture
def running(start: Any, flow: Any, folder: Path) -> Callable[..., Any]:
    """A flow that runs and can be asked."""

    def run(*options: str, name: str = "live", chain: tuple[dict[str, Any], ...] = CHAIN, **more: Any) -> Any:
        started = start("run", flow(name, *chain), *options, **more)
        if "--no-control" not in options:
            marks = Path(os.environ["XDG_RUNTIME_DIR"]) / "router"
            wait_for(lambda: any(name in mark.read_text() for mark in marks.glob("*.json")))
        return started

    return run


@pytest.fixture
def shown(router: Any) -> Callable[..., Any]:
    """A command's JSON."""

    def run(*arguments: str) -> Any:
        done = router(*arguments, "--json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return run


def test_status_shows_flows_that_run_and_says_where_none_does(router: Any, running: Any, shown: Any) -> None:
    assert (router("status", "live").returncode, router("status", "live").stderr) == (1, "no flow 'live' runs\n")
    running()
    for words in (["status", "live"], ["status", "live.yaml"], ["status", "state/router/live"]):
        view = shown(*words)
        assert (view["name"], view["state"], len(view["processors"])) == ("live", "running", 3)
    text = router("status", "live").stdout
    assert re.match(r"live  running  0:\d\d  [\d,.]+ records a second", text)
    assert (EDGE in text, "step2" in text) == (True, True)
    missing = router("status", "liev")
    assert (missing.returncode, missing.stderr) == (1, "no flow 'liev' runs (did you mean 'live'?)\n")


def test_a_flow_that_cannot_start_yet_is_shown_with_the_reason_and_stopped(
    router: Any, running: Any, shown: Any
) -> None:
    run = running(chain=({"type": "later"}, {"type": "same"}, {"type": "keep"}))
    view = shown("status", "live")
    reasons = [(each["state"], each["retrying"]) for each in view["processors"]]
    assert (view["state"], reasons[0], reasons[1]) == ("starting", ("retrying", "refused"), ("waiting", None))
    assert "cannot start yet: refused" in router("status", "live").stdout
    refused = router("processor", "live", "step1", "stop")
    assert (refused.returncode, refused.stderr) == (1, "the flow 'live' still starts; ask again when it runs\n")
    stopped = router("stop", "live")
    assert (stopped.returncode, stopped.stderr, run.end()[0]) == (0, "live: stopped\n", 0)


def test_status_goes_on_with_the_others_where_one_flow_stands_still(router: Any, running: Any) -> None:
    running()
    stuck = running(name="stuck")
    stuck.send(SIGSTOP)
    try:
        began = time.monotonic()
        done = router("status")
        took = time.monotonic() - began
        alone = router("status", "stuck")
    finally:
        stuck.send(SIGCONT)
    assert (done.returncode, done.stdout.startswith("live  running"), took < 20) == (0, True, True)
    assert re.fullmatch(r"stuck: .*: no answer in time\n", done.stderr)
    assert (alone.returncode, alone.stderr.endswith("no answer in time\n")) == (1, True)


def test_a_processor_is_stopped_its_queue_looked_into_thinned_and_let_go_on(
    router: Any, running: Any, shown: Any
) -> None:
    running()
    done = router("processor", "live", "step1", "stop")
    assert (done.returncode, done.stderr) == (0, "step1: stopped\n")
    wait_for(lambda: queued(shown, 60))
    (waiting,) = [
        each
        for each in map(json.loads, router("queue", "list", "live", "--json").stdout.splitlines())
        if each["connection"] == EDGE
    ]
    assert (waiting["records"] >= 60, "state" in waiting) == (True, False)
    lines = [
        json.loads(line)
        for line in router("queue", "show", "live", EDGE, "--where", "n % 2 == 0", "--limit", "3").stdout.splitlines()
    ]
    first = lines[0]["record"]["n"]
    assert [each["record"]["n"] for each in lines] == [first, first + 2, first + 4]
    dropped = router("queue", "drop", "live", EDGE, "--where", f"n < {first + 10}", "--yes")
    assert dropped.stderr.endswith("records deleted\n")
    (after,) = [json.loads(line) for line in router("queue", "show", "live", EDGE, "--limit", "1").stdout.splitlines()]
    assert after["record"]["n"] == first + 10
    once = shown("processor", "live", "step1", "run-once")
    assert once["is_stopped"]
    assert shown("processor", "live", "step1", "start")["is_stopped"] is False
    wait_for(lambda: not queued(shown, 10))


def queued(shown: Any, least: int) -> bool:
    view = shown("status", "live")
    return any(each["id"] == EDGE and each["records"] >= least for each in view["connections"])


def test_a_processor_is_shown_and_its_concurrency_changed(router: Any, running: Any, shown: Any) -> None:
    running()
    assert router("processor", "live", "step1", "set", "concurrency=4").stderr == "step1: concurrency 4\n"
    view = shown("processor", "live", "step1")
    assert (view["concurrency"], view["type"], view["settings"]) == (4, "same", {})
    assert "concurrency  4" in router("processor", "live", "step1").stdout
    for words, said in (
        (["step1", "set", "width=4"], "'set' takes concurrency=N, N at least 1, got 'width=4'"),
        (["step1", "set", "concurrency=0"], "'set' takes concurrency=N, N at least 1, got 'concurrency=0'"),
        (["step1", "stop", "now"], "'stop' takes nothing behind it, got 'now'"),
    ):
        assert said in router("processor", "live", *words).stderr
    missing = router("processor", "live", "step9", "stop")
    assert (missing.returncode, missing.stderr.startswith("no processor 'step9'")) == (1, True)


def test_a_tap_prints_records_until_it_has_enough(router: Any, running: Any) -> None:
    running()
    done = router("tap", "live", EDGE, "--where", "n % 10 == 0", "--limit", "3")
    found = [json.loads(line)["n"] for line in done.stdout.splitlines()]
    assert (done.returncode, len(found), [n % 10 for n in found]) == (0, 3, [0, 0, 0])
    whole = json.loads(router("tap", "live", EDGE, "--limit", "1", "--json").stdout)
    assert {"id", "record", "columns", "attributes", "format", "size"} <= set(whole)
    missing = router("tap", "live", "step0.success>step9")
    assert (missing.returncode, missing.stderr.startswith("no connection 'step0.success>step9'")) == (1, True)


def test_a_tap_ends_quietly_by_ctrl_c_and_with_its_flow(running: Any, start: Any, router: Any) -> None:
    flow = running()
    first, second = (start("tap", "live", EDGE, stdout=-1) for _ in range(2))
    for tap in (first, second):
        assert tap.process.stdout.readline().startswith('{"n":')
    first.send(SIGINT)
    assert first.process.wait(DEADLINE) == 130
    assert "Traceback" not in first.process.stderr.read()
    flow.send(SIGTERM)
    assert (flow.end()[0], second.process.wait(DEADLINE)) == (0, 0)


def test_stop_waits_for_the_end_and_tells_it(router: Any, running: Any, shown: Any, folder: Path) -> None:
    flow = running()
    done = router("stop", "live")
    assert (done.returncode, done.stderr, flow.end()[0]) == (0, "live: stopped\n", 0)
    assert not served(folder / "state/router/live")
    flow = running()
    assert (shown("stop", "live", "--no-wait")["outcome"], flow.end()[0]) == ("stopping", 0)
    again = router("stop", "live")
    assert (again.returncode, again.stderr) == (
        1,
        "no flow runs with data folder 'state/router/live'\n".replace("'state", f"'{folder}/state"),
    )


def test_a_stop_that_cuts_off_says_so_with_its_exit_code(router: Any, running: Any) -> None:
    flow = running(chain=(COUNT, {"type": "stay"}, {"type": "keep"}))
    flow.until("staying")
    done = router("stop", "live", "--drain", "100ms")
    assert (done.returncode, done.stderr, flow.end()[0]) == (1, "live: cut off\n", 1)


def test_top_prints_once_where_nobody_watches(router: Any, running: Any) -> None:
    running()
    once = router("top")
    assert (once.returncode, once.stdout.startswith("live  running"), "\x1b" in once.stdout) == (0, True, False)
    assert json.loads(router("top", "live", "--once", "--json").stdout)["name"] == "live"


def test_a_flow_without_control_is_not_seen(router: Any, running: Any, folder: Path) -> None:
    flow = running("--no-control")
    flow.until("kept the first")
    assert [path.name for path in (folder / "state/router/live").glob("control*")] == []
    done = router("status", "live")
    assert (done.returncode, "no flow runs with data folder" in done.stderr) == (1, True)
    assert flow.process.poll() is None


def test_a_flow_that_was_killed_is_not_there_and_its_next_run_is(
    router: Any, running: Any, shown: Any, folder: Path
) -> None:
    flow = running()
    flow.send(SIGKILL)
    flow.end()
    assert served(folder / "state/router/live")
    done = router("status", "live")
    assert (done.returncode, "no flow runs with data folder" in done.stderr) == (1, True)
    running()
    wait_for(lambda: router("status", "live").returncode == 0)


def test_several_flows_are_told_apart(router: Any, start: Any, flow: Any, shown: Any, folder: Path) -> None:
    run = start("run", flow("one", *CHAIN), flow("two", *CHAIN), "--data", "both")
    wait_for(lambda: served(folder / "both/two") and served(folder / "both/one"))
    assert shown("status", "two")["data"] == "both/two"
    assert [json.loads(line)["name"] for line in router("status", "--json").stdout.splitlines()] == ["one", "two"]
    several = router("top", "--once")
    assert (several.returncode, "several flows run; name one" in several.stderr) == (2, True)
    assert shown("stop", "one")["outcome"] == "stopped"
    wait_for(lambda: not served(folder / "both/one"))
    assert shown("stop", "--data", "both", "two")["outcome"] == "stopped"
    assert run.end()[0] == 0


# -- over TCP -------------------------------------------------------------------------------------


def test_over_tcp_the_token_that_is_printed_opens(router: Any, running: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    flow = running("--listen", "127.0.0.1:0")
    said = flow.until("its token, for ROUTER_TOKEN: ")
    url, token = re.findall(r"http://\S+", said)[0], said.split("ROUTER_TOKEN: ")[1].strip()
    assert len(token) >= 40
    refused = router("status", "--url", url)
    assert (refused.returncode, "the token is missing or wrong" in refused.stderr) == (1, True)
    monkeypatch.setenv("ROUTER_TOKEN", token)
    wait_for(lambda: router("status", "--url", url, "--json").returncode == 0)
    assert json.loads(router("stop", "--url", url, "live", "--json").stdout)["outcome"] == "stopped"
    assert token not in flow.end()[1]


def test_a_token_from_a_file_is_not_printed(router: Any, running: Any, folder: Path) -> None:
    (folder / "token").write_text("a-token-that-nobody-guesses\n")
    flow = running("--listen", "127.0.0.1:0", "--token-file", "token")
    url = re.findall(r"http://\S+", flow.until("control API on"))[0]
    wait_for(lambda: router("status", "--url", url, "--token-file", "token").returncode == 0)
    flow.send(SIGTERM)
    assert "a-token" not in flow.end()[1]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--listen", "0.0.0.0:0"], "--listen 0.0.0.0:0: others could read along; give --tls-cert and --tls-key"),
        (["--listen", "8080"], "an address is such as 127.0.0.1:8080"),
        (["--listen", "127.0.0.1:99999"], "an address is such as 127.0.0.1:8080"),
        (["--listen", "127.0.0.1:0", "--token-file", "short"], "a token has 16 characters at least, got 5"),
        (["--listen", "127.0.0.1:0", "--token-file", "missing"], "no such file"),
        (["--listen", "127.0.0.1:0", "--tls-cert", "short"], "--tls-cert and --tls-key belong together"),
        (
            ["--listen", "127.0.0.1:0", "--tls-cert", "short", "--tls-key", "short"],
            "--tls-cert 'short', --tls-key 'short': ",
        ),
        (["--listen", "127.0.0.1:0", "--no-control"], "leave one of them out"),
        (["--token-file", "short"], "--token-file is about --listen, which is not given"),
    ],
)
def test_listening_that_cannot_be_starts_nothing(
    router: Any, flow: Any, folder: Path, options: list[str], said: str
) -> None:
    (folder / "short").write_text("short\n")
    done = router("run", flow("live", *CHAIN), *options)
    assert (done.returncode, said in done.stderr, (folder / "kept").exists()) == (2, True, False), done.stderr


def test_a_port_that_is_taken_starts_nothing(router: Any, flow: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        done = router("run", flow("live", *CHAIN), "--listen", address)
    assert (done.returncode, f"--listen {address}: address already in use" in done.stderr) == (2, True)

"""`router dead-letters` by the real command: beside a flow that runs and without one."""

from __future__ import annotations

import asyncio
import json
import os
import pty
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from router.batch import Batch
from router.codec import RAW
from router.storage.database import Database
from router.storage.dead_letters import DeadLetters
from router.storage.schema import FLOW_DB, FLOW_SCHEMA
from tests.letters import letters_in, records_in

TEN, KEEP = {"type": "count_up", "count": 10}, {"type": "keep"}


@pytest.fixture
def data(folder: Path) -> Path:
    """Where the data of a flow are."""
    return folder / "state" / "router" / "ten"


@pytest.fixture
def ten(data: Path, flow: Any) -> str:
    """A flow that has left five dead letters: the even numbers; its file."""
    data.mkdir(parents=True)
    (data / "owner.json").write_text('{"flow": "ten", "process": 1}\n')
    asyncio.run(set_aside(data))
    return str(flow("ten", TEN, {"type": "odd"}, KEEP))


async def set_aside(folder: Path, **attributes: str) -> None:
    database = Database(folder / FLOW_DB, FLOW_SCHEMA)
    numbers = range(0, 10, 2)
    errors = [{"type": "ValueError", "message": f"even: \x1b[31m{n}", "processor": "step1"} for n in numbers]
    batch = Batch.of([{"n": n} for n in numbers]).with_columns(error=errors).with_attributes(**attributes)
    await DeadLetters(database, time.time).put(batch, "step1", "step0.success>step1")
    await database.close()


async def set_head_aside(folder: Path) -> None:
    database = Database(folder / FLOW_DB, FLOW_SCHEMA)
    error = {"type": "RecordError", "message": "too large", "processor": "step1", "head_of": 30_000_000}
    batch = Batch.raw([b"x" * 1024], RAW).with_columns(error=[error])
    await DeadLetters(database, time.time).put(batch, "step1", "step0.success>step1")
    await database.close()


Ask = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def ask(router: Any) -> Ask:
    """`router dead-letters`."""
    return lambda *arguments, **options: router("dead-letters", *arguments, **options)


def ids(done: subprocess.CompletedProcess[str]) -> list[int]:
    return [json.loads(line)["id"] for line in done.stdout.splitlines()]


def test_list_shows_a_line_each_that_cannot_steer_the_terminal(ask: Ask, ten: str) -> None:
    done = ask("list", ten)
    lines = done.stdout.splitlines()
    assert lines[0].split() == ["id", "time", "processor", "error", "record"]
    assert lines[1].split()[0::3] == ["1", "step1", "\\x1b[31m0"]
    assert [line.split()[-1] for line in lines[1:]] == ["0}", "2}", "4}", "6}", "8}"]
    assert (done.returncode, done.stderr) == (0, "5 dead letters\n")


def test_retry_leaves_alone_what_is_only_the_head_of_a_record(ask: Ask, ten: str, data: Path) -> None:
    asyncio.run(set_head_aside(data))
    assert ask("list", ten).stdout.splitlines()[-1].split("[")[1].startswith("the first 1,024 of 30,000,000 bytes] x")
    assert "the first 1,024 of 30,000,000 bytes; it is tried again only with --heads" in ask("show", ten, "6").stdout
    why = "dead letter 6 is only the first 1,024 of 30,000,000 bytes; it is not tried again without --heads\n"
    named = ask("retry", ten, "6")
    assert (named.returncode, named.stderr) == (1, why)
    every = ask("retry", ten)
    assert (every.returncode, every.stderr.startswith("5 dead letters to be tried again")) == (0, True)
    assert every.stderr.endswith(why)
    assert ask("retry", ten, "6", "--heads").stderr.startswith("1 dead letter to be tried again")


def test_a_processor_that_no_letter_is_of_is_told_with_the_nearest_name(ask: Ask, ten: str) -> None:
    for action in (["list"], ["retry"], ["delete", "--yes"]):
        near = ask(*action, ten, "--processor", "stpe1")
        assert (near.returncode, near.stderr) == (0, "no dead letters of processor 'stpe1' (did you mean 'step1'?)\n")
    far = ask("list", ten, "--connection", "x")
    assert far.stderr == "no dead letters of connection 'x'; there are some of: step0.success>step1\n"


def test_an_interrupt_at_a_question_is_said_on_a_line_of_its_own(ten: str) -> None:
    command = [sys.executable, "-m", "router", "dead-letters", "delete", ten]
    parent, child = pty.openpty()
    asking = subprocess.Popen(command, stdin=child, stderr=child, close_fds=True)
    os.close(child)
    read = b""
    while not read.endswith(b"[y/N]: "):
        read += os.read(parent, 1000)
    asking.send_signal(signal.SIGINT)
    assert asking.wait(30) == 130
    assert os.read(parent, 1000).strip() == b"Aborted!"
    os.close(parent)


def test_list_cuts_its_lines_to_the_terminal(ten: str) -> None:
    parent, child = pty.openpty()
    command = [sys.executable, "-m", "router", "dead-letters", "list", ten]
    known = {**os.environ, "TERM": "xterm", "NO_COLOR": "1", "COLUMNS": "60"}
    subprocess.run(command, stdout=child, stderr=subprocess.DEVNULL, env=known, check=True)
    lines = os.read(parent, 10_000).decode().splitlines()
    os.close(child)
    os.close(parent)
    assert (len(lines), max(map(len, lines)), lines[1][:6]) == (6, 60, "   1  ")


@pytest.mark.parametrize("words", [["ten"], ["ten.yaml"], ["state/router/ten"], ["ten", "--data", "state/router"]])
def test_a_flow_is_named_by_its_name_its_file_or_its_folder(ask: Ask, ten: str, words: list[str]) -> None:
    assert ids(ask("list", *words, "--json")) == [1, 2, 3, 4, 5]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["tne"], "(did you mean 'ten'?); name a flow, its file, or its data folder\n"),
        (["./tne"], "./tne: no such file or folder\n"),
        (["./plugins/"], "'./plugins/' is no data folder of a flow\n"),
        (["missing.yaml"], "missing.yaml: no such file\n"),
        (["ten", "--data", "plugins"], "'plugins' is no data folder of a flow\n"),
        (["other", "--data", "state/router/ten"], "'state/router/ten' belongs to flow 'ten', not to 'other'\n"),
        (["ten", "--where", "a ==="], "expression 'a ===', column 3: no sign '===' here; write '=='\n"),
        (["ten", "--since", "soon"], "such as 90s, 2h or 7d; got 'soon'\n"),
    ],
)
def test_what_is_not_there_or_not_understood_is_said(ask: Ask, ten: str, words: list[str], said: str) -> None:
    done = ask("list", *words)
    assert (done.returncode, done.stderr[-len(said) :], done.stdout) == (2, said, "")


def test_a_flow_without_dead_letters_says_so(ask: Ask, router: Any, flow: Any) -> None:
    router("run", flow("ten", TEN, KEEP))
    done = ask("list", "ten")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "no dead letters\n")


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        (["--where", "n > 3"], [3, 4, 5]),
        (["--where", "meta.error.type == 'ValueError' and n < 3"], [1, 2]),
        (["--where", "meta.processor == 'step1' and meta.attempts == 1"], [1, 2, 3, 4, 5]),
        (["--processor", "step1"], [1, 2, 3, 4, 5]),
        (["--processor", "step2"], []),
        (["--connection", "step0.success>step1", "--limit", "2"], [1, 2]),
        (["--since", "1h"], [1, 2, 3, 4, 5]),
        (["--since", "2h", "2", "4", "9"], [2, 4]),
        (["--since", (datetime.now(UTC) + timedelta(days=1)).isoformat()], []),
    ],
)
def test_letters_are_chosen_by_record_place_time_and_number(
    ask: Ask, ten: str, filters: list[str], found: list[int]
) -> None:
    assert ids(ask("list", ten, *filters, "--json")) == found


def test_a_record_that_cannot_be_decoded_is_chosen_by_what_lies_beside_it(ask: Ask, router: Any, flow: Any) -> None:
    Path("in.jsonl").write_text('{broken\n{"n": 4}\n')
    router("run", flow("ten", {"type": "read_file", "path": "in.jsonl"}, {"type": "odd"}, KEEP))
    assert ids(ask("list", "ten", "--json", "--where", "meta.error.type == 'DecodeError'")) == [1]
    assert ids(ask("list", "ten", "--json", "--where", "n is None or n == 4")) == [1, 2]


def test_show_tells_all_of_those_that_are_there(ask: Ask, ten: str) -> None:
    done = ask("show", ten, "3", "77")
    said = [line.split(maxsplit=1) for line in done.stdout.splitlines()]
    assert said[0] == ["dead", "letter 3"]
    assert dict(each for each in said if len(each) == 2).items() >= {
        ("error", "ValueError: even: \\x1b[31m4"),
        ("connection", "step0.success>step1"),
        ("attempts", "1"),
    }
    assert said[-3:] == [["{"], ['"n":', "4"], ["}"]]
    assert (done.returncode, done.stderr) == (1, "no dead letter 77\n")


def test_show_lines_up_all_that_is_said_and_parts_letters(ask: Ask, ten: str, data: Path) -> None:
    asyncio.run(set_aside(data, content_type="text/plain"))
    lines = ask("show", ten, "6", "7").stdout.splitlines()
    place = lines.index("dead letter 7")
    assert (lines[1], lines[place - 1]) == ("  error                   ValueError: even: \\x1b[31m0", "")
    assert lines[place - 6] == "  attribute content_type  text/plain"


def test_export_writes_json_lines_to_a_file_or_to_stdout(ask: Ask, ten: str, data: Path, folder: Path) -> None:
    done = ask("export", ten, "--where", "n > 3", "-o", "letters.jsonl")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "3 dead letters written to letters.jsonl\n")
    written = [json.loads(line) for line in (folder / "letters.jsonl").read_text().splitlines()]
    assert written == letters_in(data)[2:]
    assert [json.loads(line) for line in ask("export", ten).stdout.splitlines()] == letters_in(data)
    assert list(written[0])[:7] == ["id", "time", "processor", "connection", "error", "record", "columns"]


def test_export_to_a_disk_that_is_full_says_so(ask: Ask, ten: str) -> None:
    done = ask("export", ten, "-o", "/dev/full")
    assert (done.returncode, done.stderr) == (2, "'/dev/full' cannot be written: no space left on device\n")


def test_delete_asks_and_where_nobody_can_answer_wants_yes(ask: Ask, ten: str, data: Path) -> None:
    done = ask("delete", ten, stdin=subprocess.DEVNULL)
    assert (done.returncode, done.stderr) == (2, "nobody is there to be asked; say --yes to do it\n")
    done = ask("delete", ten, "--where", "n > 3", "--yes")
    assert (done.returncode, done.stderr, records_in(data)) == (0, "3 dead letters deleted\n", [{"n": 0}, {"n": 2}])
    done = ask("delete", ten, "1", "5", "--yes")
    assert (done.returncode, done.stderr) == (1, "1 dead letter deleted\nno dead letter 5\n")


@pytest.mark.parametrize(("answer", "left"), [(b"y\n", 0), (b"n\n", 5)])
def test_delete_on_a_terminal_does_what_is_answered(ten: str, data: Path, answer: bytes, left: int) -> None:
    parent, child = pty.openpty()
    command = [sys.executable, "-m", "router", "dead-letters", "delete", ten]
    process = subprocess.Popen(command, stdin=child, stdout=subprocess.DEVNULL, stderr=child)
    os.close(child)
    said = b""
    while b"Delete 5 dead letters of 'ten' for good? [y/N]: " not in said:
        said += os.read(parent, 1000)
    os.write(parent, answer)
    assert (process.wait(30), len(letters_in(data))) == (0 if left == 0 else 1, left)
    os.close(parent)


# -- trying again ---------------------------------------------------------------------------------


def test_retry_gives_them_to_the_next_run(ask: Ask, router: Any, flow: Any, ten: str, data: Path) -> None:
    done = ask("retry", ten, "--where", "n < 5")
    said = "3 dead letters to be tried again: by the flow that runs, within seconds, or else by its next run\n"
    assert (done.returncode, done.stderr) == (0, said)
    assert ask("list", ten).stderr == "5 dead letters, 3 to be tried again\n"
    mended = flow("ten", {**TEN, "count": 0}, {"type": "same"}, KEEP)
    assert router("run", mended).returncode == 0
    assert Path("kept").read_text().split() == ["0", "2", "4"]
    assert records_in(data) == [{"n": 6}, {"n": 8}]


def test_those_that_fail_again_say_so_in_their_old_place(ask: Ask, router: Any, ten: str, data: Path) -> None:
    ask("retry", ten, "2")
    done = router("run", ten)
    assert done.returncode == 0
    letters = letters_in(data)
    assert (len(letters), [each["attempts"] for each in letters[:3]]) == (10, [1, 2, 1])
    assert letters[1]["first_time"] < letters[1]["time"]


def test_retry_to_a_place_the_flow_has_not_leaves_them_and_says_so(
    ask: Ask, router: Any, flow: Any, ten: str, data: Path
) -> None:
    ask("retry", "ten", "1", "--to", "nowhere")
    done = router("run", flow("ten", {**TEN, "count": 0}, {"type": "odd"}, KEEP))
    assert "the flow has no such connection; name one with --to (connection=nowhere, records=1)" in done.stderr
    assert (done.returncode, [each.get("retry_to") for each in letters_in(data)]) == (0, [None] * 5)


@pytest.mark.parametrize("place", ["stpe2", "step0", "step0.success>step2"])
def test_retry_to_a_place_that_the_flow_file_has_not_is_refused(ask: Ask, ten: str, data: Path, place: str) -> None:
    done = ask("retry", ten, "1", "--to", place)
    assert (done.returncode, done.stderr.startswith(f"nothing can be put into {place!r}")) == (2, True)
    assert ask("list", ten).stderr == "5 dead letters\n"
    assert ask("retry", ten, "1", "--to", "step2").returncode == 0


def test_retry_of_none_does_not_count_them(ask: Ask, ten: str) -> None:
    assert ask("retry", ten, "99").stderr == "no dead letter 99\n"
    assert ask("retry", ten, "--where", "n > 99").stderr == "no dead letters\n"


def test_a_flow_that_runs_takes_up_what_is_marked_meanwhile(
    ask: Ask, start: Any, flow: Any, data: Path, folder: Path
) -> None:
    started = start("run", flow("ten", {"type": "few"}, {"type": "odd"}, KEEP))
    while len(records_in(data)) < 2:
        assert started.process.poll() is None
    assert ids(ask("list", "ten", "--json")) == [1, 2]
    assert "(did you mean 'step2'?)" in ask("retry", "ten", "1", "--to", "stpe2").stderr
    ask("retry", "ten", "1", "--to", "step2")
    started.until("kept the first")
    ask("retry", "ten", "2")
    while [each["attempts"] for each in letters_in(data)] != [2]:
        assert started.process.poll() is None
    assert (records_in(data), (folder / "kept").read_text().split()) == ([{"n": 2}], ["1", "0"])


def test_letters_can_be_deleted_while_the_flow_runs(ask: Ask, start: Any, flow: Any, data: Path) -> None:
    started = start("run", flow("ten", {"type": "few"}, {"type": "odd"}, KEEP))
    while len(records_in(data)) < 2:
        assert started.process.poll() is None
    assert ask("delete", "ten", "--yes").stderr == "2 dead letters deleted\n"
    assert records_in(data) == []


def test_a_database_that_is_none_is_named_and_left_alone(ask: Ask, ten: str, data: Path) -> None:
    (data / "flow.db").write_text("nothing of ours\n" * 100)
    done = ask("list", ten)
    assert (done.returncode, "cannot be opened: file is not a database; it is left as it is" in done.stderr) == (
        2,
        True,
    )
    assert (data / "flow.db").read_text() == "nothing of ours\n" * 100


def test_a_damaged_letter_is_listed_shown_and_deleted(ask: Ask, ten: str, data: Path) -> None:
    with closing(sqlite3.connect(data / "flow.db")) as database:
        database.execute("UPDATE dead_letters SET checksum = 0 WHERE id = 2")
        database.commit()
    assert "damaged, its checksum does not fit; ValueError" in ask("show", ten, "2").stdout
    assert ids(ask("list", ten, "--json")) == [1, 2, 3, 4, 5]
    assert ask("delete", ten, "2", "--yes").returncode == 0

"""Places that take no more, or not from everybody: the flow waits, says so, and goes on; nothing is lost or doubled."""

from __future__ import annotations

import asyncio
import ctypes
import json
import os
import resource
import subprocess
from collections.abc import Iterator
from pathlib import Path
from signal import SIGINT, SIGTERM, Signals
from typing import Any

import pytest

from router.batch import Batch
from router.storage.database import Database
from router.storage.dead_letters import DeadLetters
from router.storage.schema import FLOW_DB, FLOW_SCHEMA
from tests.letters import records_in

ROOM = 32 << 10
WRITES = """
s: {type: told, batches: 50, to: w}
w: {type: write_file, path: PATH}
"""
WAITS = "w: tries again after a failure that is not the records' fault"
NOWHERE = "w: {type: write_file, path: 'x/{{ nothing }}'}"
LIBC = ctypes.CDLL(None)


class SmallDisk:
    """A place with little room: a small file system where this user may make one, else a limit on the size of files."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self.file = folder / "out.jsonl"
        mount = ["mount", "-t", "tmpfs", "-o", f"size={ROOM}", "tmpfs", str(folder)]
        self.is_mounted = os.geteuid() == 0 and subprocess.run(mount, capture_output=True, check=False).returncode == 0
        self.problem = "No space left on device" if self.is_mounted else "File too large"

    def options(self) -> dict[str, Any]:
        """How a process must be started to have so little room."""
        if self.is_mounted:
            return {}
        return {"preexec_fn": lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (ROOM, resource.RLIM_INFINITY))}

    def make_room(self, run: Any) -> None:
        if self.is_mounted:
            remount = ["mount", "-o", "remount,size=16m", str(self.file.parent)]
            subprocess.run(remount, check=True)
        elif run.process.poll() is None:
            resource.prlimit(run.process.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))

    def close(self) -> None:
        if self.is_mounted:
            subprocess.run(["umount", "--lazy", str(self.file.parent)], check=True)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    made = SmallDisk(tmp_path / "small")
    yield made
    made.close()


def test_a_full_disk_is_waited_for_and_nothing_is_lost_or_doubled(workshop: Any, disk: SmallDisk) -> None:
    run = workshop.start("run", workshop.flow(WRITES.replace("PATH", "small/out.jsonl")), **disk.options())
    run.until(WAITS)
    assert f"file 'small/out.jsonl' cannot be written: {disk.problem}" in run.said
    written = workshop.numbers("small/out.jsonl")
    disk.make_room(run)
    assert run.end() == 0
    assert written == list(range(len(written)))
    assert workshop.numbers("small/out.jsonl") == list(range(5000))
    assert (workshop.told(), workshop.letters()) == (dict.fromkeys(range(50), "DELIVERED"), [])


@pytest.mark.parametrize("number", [SIGINT, SIGTERM])
def test_a_stop_while_the_disk_is_full_gives_back_what_is_not_written(
    workshop: Any, disk: SmallDisk, number: Signals
) -> None:
    run = workshop.start("run", workshop.flow(WRITES.replace("PATH", "small/out.jsonl")), **disk.options())
    run.until(WAITS)
    run.send(number)
    assert run.end() == 1
    told = workshop.told()
    safe = [batch for batch, outcome in told.items() if outcome == "DELIVERED"]
    assert set(told.values()) <= {"DELIVERED", "REJECTED"}
    assert workshop.numbers("small/out.jsonl") == [batch * 100 + each for batch in sorted(safe) for each in range(100)]


def test_dead_letters_wait_for_a_full_disk_too(workshop: Any, disk: SmallDisk) -> None:
    flow = workshop.flow(f"s: {{type: told, batches: 10, to: w}}\n{NOWHERE}")
    run = workshop.start("run", flow, "--data", "small", **disk.options())
    run.until("the data folder cannot be written; what waits for it waits until it can be")
    disk.make_room(run)
    assert run.end() == 0
    assert sorted(record["n"] for record in records_in(disk.file.parent)) == list(range(1000))
    assert workshop.told() == dict.fromkeys(range(10), "DEAD_LETTERED")


def test_a_stop_while_dead_letters_wait_for_a_full_disk_gives_them_back(workshop: Any, disk: SmallDisk) -> None:
    flow = workshop.flow(f"s: {{type: told, batches: 10, to: w}}\n{NOWHERE}")
    run = workshop.start("run", flow, "--data", "small", "--drain", "10m", **disk.options())
    run.until("the data folder cannot be written; what waits for it waits until it can be")
    run.send(SIGINT)
    assert run.end() == 1
    disk.make_room(run)
    safe = [number for number, outcome in workshop.told().items() if outcome == "DEAD_LETTERED"]
    assert set(workshop.told().values()) <= {"DEAD_LETTERED", "REJECTED"}
    assert {record["n"] // 100 for record in records_in(disk.file.parent)} >= set(safe)


def test_dead_letters_at_their_bound_end_a_flow_that_can_do_nothing_else(workshop: Any) -> None:
    run = workshop.run(workshop.flow(f"s: {{type: told, batches: 200, to: w}}\n{NOWHERE}"))
    assert run.process.returncode == 1
    assert "  the dead letters are full, 'w' cannot go on" in run.said.splitlines()
    letters = [left["n"] for _, _, _, left in workshop.letters()]
    assert 10_000 <= len(letters) <= 11_000  # the last batch may go beyond
    assert letters == list(range(len(letters)))
    kept = [batch for batch, outcome in workshop.told().items() if outcome == "DEAD_LETTERED"]
    assert (kept, set(workshop.told().values())) == (list(range(len(letters) // 100)), {"DEAD_LETTERED", "REJECTED"})


async def fill(folder: Path) -> None:
    """Leave as many dead letters as may be."""
    database = Database(folder / FLOW_DB, FLOW_SCHEMA)
    await DeadLetters(database, lambda: 0.0).put(Batch.of([{}] * 10_000), "w", None)
    await database.close()


def test_a_stop_does_not_wait_for_room_in_the_dead_letters(workshop: Any) -> None:
    (workshop.folder / "data").mkdir()
    asyncio.run(fill(workshop.folder / "data"))
    flow = workshop.flow(f"s: {{type: generate, rate: 100, record: {{n: meta.number}}, to: w}}\n{NOWHERE}")
    run = workshop.start("run", flow, "--data", "data", "--drain", "10m")
    run.until("the dead letters are full; waiting until some are tried again or deleted: router dead-letters")
    run.send(SIGINT)
    assert run.end() == 1
    assert "flow: cut off: what was on its way was given back to its sources" in run.said
    assert "s: records were rejected; they are not made again" in run.said


def heed_permissions() -> None:
    """In a process of root's: give up what lets root write where nobody may."""
    overrides, bounding_drop = (1, 2), 24  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH; PR_CAPBSET_DROP
    for capability in overrides if os.geteuid() == 0 else ():
        LIBC.prctl(bounding_drop, capability, 0, 0, 0)


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("out/0.jsonl", "w: cannot start yet; trying again"),
        ("out/{{ n % 2 }}.jsonl", WAITS),
    ],
)
def test_a_folder_that_may_not_be_written_is_waited_for(workshop: Any, path: str, said: str) -> None:
    folder = workshop.folder / "out"
    folder.mkdir(mode=0o555)
    run = workshop.start("run", workshop.flow(WRITES.replace("PATH", f'"{path}"')), preexec_fn=heed_permissions)
    run.until(said)
    assert "file 'out/0.jsonl' cannot be written: Permission denied" in run.said
    folder.chmod(0o755)
    assert run.end() == 0
    found = [number for file in sorted(folder.iterdir()) for number in workshop.numbers(f"out/{file.name}")]
    assert sorted(found) == list(range(5000))


def test_a_data_folder_that_may_not_be_written_is_refused(workshop: Any) -> None:
    (workshop.folder / "data").mkdir(mode=0o555)
    flow = workshop.flow(WRITES.replace("PATH", "out.jsonl"))
    run = workshop.run(flow, "--data", "data", preexec_fn=heed_permissions)
    said = "data folder 'data': permission denied; name another one with --data\n"
    assert (run.process.returncode, run.said, (workshop.folder / "out.jsonl").exists()) == (2, said, False)


ESCAPES = ["../up", "a/b", "/etc/x", "a\\b", "", None, ["a"], "x\0y", "x\ny", "x" * 300, "en/../../up"]


def test_no_record_leads_out_of_the_folder_of_its_path(workshop: Any) -> None:
    places = ["en", *ESCAPES, "..", ".hidden", "~", 5]
    workshop.file("in.jsonl", "".join(json.dumps({"to": place, "n": n}) + "\n" for n, place in enumerate(places)))
    processors = 'r: {type: read_file, path: in.jsonl, to: w}\nw: {type: write_file, path: "out/{{ to }}.jsonl"}'
    run = workshop.run(workshop.flow(processors))
    text = "path 'out/{{ to }}.jsonl': a part of it is missing, or is no part of a file name"
    assert run.process.returncode == 0
    assert [(kind, message, left["to"]) for _, kind, message, left in workshop.letters()] == [
        ("EncodeError", text, place) for place in ESCAPES
    ]
    written = sorted(str(path.relative_to(workshop.folder)) for path in workshop.folder.rglob("*.jsonl"))
    made = [f"out/{name}.jsonl" for name in ("en", "..", ".hidden", "~", "5")]
    assert written == sorted([*made, "in.jsonl"])


def test_ten_thousand_paths_need_a_bounded_number_of_open_files(workshop: Any) -> None:
    processors = """
s: {type: told, batches: 200, to: w}
w: {type: write_file, path: "out/{{ n % 10000 }}.jsonl"}
"""
    few = {"preexec_fn": lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (128, 128))}
    run = workshop.run(workshop.flow(processors), **few)
    assert (run.process.returncode, workshop.letters()) == (0, [])
    files = {path.name: path.read_text() for path in (workshop.folder / "out").iterdir()}
    assert files == {f"{n}.jsonl": f'{{"n":{n}}}\n{{"n":{n + 10_000}}}\n' for n in range(10_000)}

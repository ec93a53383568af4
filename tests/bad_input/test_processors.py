"""Processors of a plugin that do what they should not: the record at hand fails, its neighbours go on."""

from __future__ import annotations

import json
from typing import Any

import pytest

# Processors that do something bad to the records 50, 150, ... each in another way, and nothing to the others.
BAD = """
import asyncio, os, sys, threading
from router import Batch, Config, Processor, ProcessorError, To, processor

class Odd(Exception):
    def __init__(self, one, two):
        super().__init__(f"{one} and {two}")

class Cannot:
    def __reduce__(self):
        return int, ("no number",)

def nested(depth):
    record = {}
    for _ in range(depth):
        record = {"a": record}
    return record

def do(how):
    if how == "raise": raise ValueError("five hundred")
    if how == "surrogate": raise ValueError("bad \\ud800")
    if how == "odd": raise Odd(1, 2)
    if how == "exit": sys.exit(3)
    if how == "next": next(iter([]))
    if how == "cancel": raise asyncio.CancelledError
    if how == "recurse": do(how)
    if how == "interrupt": raise KeyboardInterrupt
    if how == "abort": os.abort()
    if how == "leave": os._exit(7)
    while how == "loop": pass
    return {
        "none": None, "number": 5, "text": "x", "to": To("nowhere", {}), "lock": {"n": threading.Lock()},
        "cannot": {"n": Cannot()}, "deep": {"n": nested(3000)}, "nan": {"n": [float("nan")]}, "object": {"n": nested},
    }[how]

def done(record, ways):
    hundred, rest = divmod(record["n"], 100)
    return do(ways[hundred]) if rest == 50 and hundred < len(ways) else record

@processor(relationships=())
def bad(record, *, ways: list[str]):
    return done(record, ways)

@processor(relationships=())
async def abad(record, *, ways: list[str]):
    return done(record, ways)

class WorseConfig(Config):
    ways: list[str]

class Worse(Processor):
    "The same as a class."
    type_name = "worse"
    config: WorseConfig
    pure_rows = True

    def process(self, batch, context):
        return batch.with_rows([done(record, self.config.ways) for record in batch.rows])
"""

RETURNED = "bad returned {}; return a dict, DROP or To(...)"
CANNOT = "what it gave cannot leave its worker process: "

ALWAYS = {
    "none": ("ProcessorError", "bad returned nothing; return the record, or DROP"),
    "number": ("ProcessorError", RETURNED.format("int")),
    "text": ("ProcessorError", RETURNED.format("str")),
    "to": ("ProcessorError", "bad has no relationship 'nowhere'"),
    "raise": ("ValueError", "five hundred"),
    "surrogate": ("ValueError", "bad \\ud800"),
    "odd": ("Odd", "1 and 2"),
    "exit": ("SystemExit", "3"),
    "next": ("StopIteration", "a `next` in it found nothing"),
    "cancel": ("CancelledError", "CancelledError"),
    "recurse": ("RecursionError", "maximum recursion depth exceeded"),
}
IN_A_PROCESS = {
    "raise": ALWAYS["raise"],
    "odd": ALWAYS["odd"],
    "exit": ALWAYS["exit"],
    "lock": ("RecordError", CANNOT + "cannot pickle '_thread.lock' object"),
    "cannot": ("RecordError", CANNOT + "invalid literal for int() with base 10: 'no number'"),
    "abort": ("RecordError", "killed its worker process (SIGABRT)"),
    "leave": ("RecordError", "killed its worker process (exit status 7)"),
    "loop": ("RecordError", "took longer than 0.5 s; its worker process was killed"),
}
AS_A_CLASS_IN_A_PROCESS = {"odd": ("RuntimeError", "Odd: 1 and 2"), "abort": IN_A_PROCESS["abort"]}
UNWRITABLE = {
    "deep": "cannot be written as json: nested too deeply",
    "nan": "field 'n[0]' is nan, which JSON cannot say",
    "object": "cannot be written as json: Encoding objects of type function is unsupported",
}


def bad_to_some(kind: str, ways: Any, run: str = "") -> str:
    """A flow that is bad to one record in each hundred, and to none of the last hundred."""
    return f"""
s: {{type: told, batches: {len(ways) + 1}, to: bad}}
bad: {{type: {kind}, ways: [{", ".join(ways)}], {run}to: w}}
w: {{type: write_file, path: out.jsonl}}
"""


@pytest.mark.parametrize(
    ("kind", "run", "ways"),
    [
        ("bad", "", ALWAYS),
        ("bad", "run: {execution: thread}, ", ALWAYS),
        ("abad", "", {name: ALWAYS[name] for name in ("raise", "exit", "cancel")}),
        ("worse", "", {name: ALWAYS[name] for name in ("raise", "exit", "cancel")}),
        ("bad", "run: {execution: process, timeout: 500ms}, ", IN_A_PROCESS),
        ("worse", "run: {execution: process, batch: {records: 2}}, ", AS_A_CLASS_IN_A_PROCESS),
    ],
    ids=["inline", "thread", "async", "class", "process", "class in a process"],
)
def test_a_bad_record_fails_alone_and_its_source_is_told(workshop: Any, kind: str, run: str, ways: Any) -> None:
    workshop.file("plugins/bad.py", BAD)
    ended = workshop.run(workshop.flow(bad_to_some(kind, ways, run)))
    bad = {number * 100 + 50 for number in range(len(ways))}
    assert ended.process.returncode == 0
    assert sorted(workshop.letters()) == sorted(
        ("bad", *error, {"n": number * 100 + 50}) for number, error in enumerate(ways.values())
    )
    assert workshop.numbers("out.jsonl") == [number for number in range(len(ways) * 100 + 100) if number not in bad]
    assert workshop.told() == dict.fromkeys(range(len(ways)), "DEAD_LETTERED") | {len(ways): "DELIVERED"}


def test_what_cannot_be_written_is_a_dead_letter_in_words(workshop: Any) -> None:
    workshop.file("plugins/bad.py", BAD)
    ended = workshop.run(workshop.flow(bad_to_some("bad", UNWRITABLE)))
    letters = {message: left for _, _, message, left in workshop.letters()}
    assert (ended.process.returncode, list(letters)) == (0, list(UNWRITABLE.values()))
    assert [str(left)[:12] for left in letters.values()] == ["{'n': {'a': ", "{'n': ['nan'", "{'n': <funct"]
    assert len(workshop.numbers("out.jsonl")) == 397


def test_a_keyboard_interrupt_of_a_processor_s_own_ends_the_flow_and_its_source_is_told(workshop: Any) -> None:
    workshop.file("plugins/bad.py", BAD)
    ended = workshop.run(workshop.flow(bad_to_some("bad", ["interrupt"])))
    assert (ended.process.returncode, set(workshop.told().values())) == (1, {"REJECTED"})
    assert "WARNING flow: the flow has failed (error=KeyboardInterrupt: )" in ended.said


def test_with_strict_a_dead_letter_is_exit_code_1(workshop: Any) -> None:
    workshop.file("plugins/bad.py", BAD)
    ended = workshop.run(workshop.flow(bad_to_some("bad", ["raise"])), "--strict")
    assert (ended.process.returncode, len(workshop.numbers("out.jsonl"))) == (1, 199)


def test_what_a_processor_prints_comes_out_before_the_report(workshop: Any) -> None:
    workshop.file(
        "plugins/p.py",
        "from router import processor\n\n@processor\ndef p(record):\n    print(record)\n    return record",
    )
    flow = workshop.flow(
        "g: {type: generate, count: 2, record: {n: meta.number}, to: p}\np: {type: p, to: l}\nl: {type: log}"
    )
    *printed, report = workshop.run(flow, "--json", "-q").written.splitlines()
    assert (printed, json.loads(report)["exit"]) == (["{'n': 0}", "{'n': 1}"], 0)


# -- nested values, where two branches get the same records -------------------------------------

MUTATES = """
from router import processor

@processor
def mutates(record):
    record["own"] = True
    record["tags"].append("changed")
    return record

@processor
def same(record):
    return record
"""


@pytest.mark.parametrize(
    ("first", "tags"),
    [
        ("[m, s]", '["a"]'),  # each branch decodes the line for itself
        ("t", '["a","changed"]'),  # both get rows: the top is each one's own, what lies in it is shared, as documented
    ],
    ids=["lines", "rows"],
)
def test_a_sibling_branch_sees_nested_changes_only_where_rows_are_shared(workshop: Any, first: str, tags: str) -> None:
    workshop.file("plugins/mutates.py", MUTATES)
    workshop.file("in.jsonl", '{"n": 0, "tags": ["a"]}\n')
    between = "t: {type: same, to: [m, s]}\n" if first == "t" else ""
    workshop.run(
        workshop.flow(
            f"r: {{type: read_file, path: in.jsonl, to: {first}}}\n{between}"
            "m: {type: mutates, to: mw}\nmw: {type: write_file, path: changed.jsonl}\n"
            "s: {type: same, to: sw}\nsw: {type: write_file, path: sibling.jsonl}"
        )
    )
    assert workshop.lines("changed.jsonl") == ['{"n":0,"tags":["a","changed"],"own":true}']
    assert workshop.lines("sibling.jsonl") == [f'{{"n":0,"tags":{tags}}}']


# -- beside the records -------------------------------------------------------------------------

BESIDE = """
import asyncio, sys
from router import Batch, Processor, Source, source

class Made(Processor):
    "Cannot be made."
    type_name = "made"
    def __init__(self, config):
        raise ValueError("no way to make it")
    def process(self, batch, context):
        return batch

class Started(Processor):
    "Exits when it is started."
    type_name = "started"
    async def start(self, context):
        sys.exit(9)
    def process(self, batch, context):
        return batch

class Stopped(Processor):
    "Exits when it is stopped."
    type_name = "stopped"
    async def stop(self, context):
        sys.exit(9)
    def process(self, batch, context):
        return batch

class Woken(Processor):
    "Exits when it is woken."
    type_name = "woken"
    def process(self, batch, context):
        context.hold(batch)
    async def wake(self, context, why):
        sys.exit(9)

@source
def exits():
    yield {"n": 0}
    sys.exit(5)

@source
def wrong():
    yield 5

@source
async def cancels():
    yield {"n": 0}
    raise asyncio.CancelledError

class Settled(Source):
    "Cannot hear what became of a batch."
    type_name = "settled"
    async def produce(self, context):
        yield Batch.of([{"n": 0}]), 0
    def settled(self, ack):
        raise ValueError("not heard")
"""


@pytest.mark.parametrize(
    ("source", "step", "problem"),
    [
        ("told, batches: 1", "made", "processor 'p' could not start: ValueError: no way to make it"),
        ("told, batches: 1", "started", "processor 'p' could not start: SystemExit: 9"),
        ("exits", "stopped", "source 's': SystemExit: 5"),
        ("wrong", "stopped", "source 's': ProcessorError: wrong yielded int; a source yields dicts"),
        ("cancels", "stopped", "source 's' cancelled itself"),
        ("settled", "stopped", "source 's': settled: ValueError: not heard"),
    ],
)
def test_what_breaks_a_flow_is_told_in_a_line(workshop: Any, source: str, step: str, problem: str) -> None:
    workshop.file("plugins/beside.py", BESIDE)
    flow = workshop.flow(f"s: {{type: {source}, to: p}}\np: {{type: {step}, to: w}}\nw: {{type: log}}")
    ended = workshop.run(flow)
    assert ended.process.returncode == 1
    assert f"  {problem}" in ended.said.splitlines()


def test_a_stop_that_exits_is_told_and_changes_nothing(workshop: Any) -> None:
    workshop.file("plugins/beside.py", BESIDE)
    processors = "s: {type: told, batches: 1, to: p}\np: {type: stopped, to: w}\nw: {type: write_file, path: out.jsonl}"
    ended = workshop.run(workshop.flow(processors))
    assert (ended.process.returncode, workshop.numbers("out.jsonl")) == (0, list(range(100)))
    assert "WARNING p: did not stop cleanly (error=SystemExit: 9)" in ended.said


def test_a_wake_that_exits_makes_dead_letters_of_what_was_held(workshop: Any) -> None:
    workshop.file("plugins/beside.py", BESIDE)
    processors = "s: {type: told, batches: 2, to: p}\np: {type: woken, to: w}\nw: {type: log}"
    ended = workshop.run(workshop.flow(processors))
    assert (ended.process.returncode, workshop.told()) == (0, {0: "DEAD_LETTERED", 1: "DEAD_LETTERED"})
    assert workshop.letters() == [("p", "SystemExit", "9", {"n": number}) for number in range(200)]

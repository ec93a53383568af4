"""Secrets are kept out of bulletins, errors, dead letters and reports, in every form they may stand there."""

from __future__ import annotations

import json
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router import Batch, Engine, Processor, ProcessorError, RetryableError, Source, build_flow, load_registry
from router.plugins import Registry
from router.secrecy import Mask

SECRET = 'p4$$ "wörd"/\\ 1'


@pytest.mark.parametrize(
    "said",
    [
        f"cannot reach http://me:{SECRET}@host",
        f"http://me:{quote(SECRET, safe='')}@host/x",
        json.dumps({"password": SECRET}),
        json.dumps({"password": SECRET}, ensure_ascii=False),
        repr({"password": SECRET}),
    ],
)
def test_a_secret_is_hidden_in_every_form_it_is_written_in(said: str) -> None:
    mask = Mask([SECRET])
    assert "***" in mask(said)
    assert "wörd" not in mask(said)
    assert "w\\u00f6rd" not in mask.data(said.encode()).decode()


def test_of_secrets_that_begin_alike_the_longer_one_is_hidden_whole() -> None:
    assert Mask(["token", "token-of-all"])("it is token-of-all, not token") == "it is ***, not ***"


@given(st.text())
def test_without_secrets_nothing_is_changed(text: str) -> None:
    mask = Mask()
    assert (mask(text), bool(mask)) == (text, False)


class Leaks(Processor):
    """Tells its secret whatever goes wrong."""

    type_name = "leaks"

    def process(self, batch: Batch, context: object) -> Batch:
        raise ValueError(f"refused with {SECRET}")


class LeaksTwice(Source):
    """Tells its secret in an outage, then breaks with it."""

    type_name = "leaks_twice"
    tries = 0

    async def produce(self, context):  # type: ignore[no-untyped-def]
        yield Batch.of([{"n": 1}]), 1
        type(self).tries += 1
        if type(self).tries == 1:
            raise RetryableError(f"no answer to {SECRET}", after=0.001)
        raise ProcessorError(f"broken by {SECRET}")


def files(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


def registry() -> Registry:
    known = load_registry()
    known.processor(Leaks)
    known.processor(LeaksTwice)
    return known


async def test_no_secret_is_in_bulletins_dead_letters_status_or_report(tmp_path: Path) -> None:
    LeaksTwice.tries = 0
    processors = {"a": {"type": "leaks_twice", "to": "b"}, "b": {"type": "leaks", "to": "drop"}}
    top = {"flow": "f", "parameters": {"token": "${secret:TOKEN}"}}
    parameters = {
        **top,
        "processors": {**processors, "c": {"type": "generate", "count": 0, "record": {"t": "1"}, "to": "drop"}},
    }
    flow = build_flow(parameters, environment={"TOKEN": SECRET}, registry=registry())
    async with Engine(flow, data=tmp_path) as engine:
        report = await engine.run()
    said = [str(each) for each in engine.bulletins]
    letters = [str(letter.error) for letter in engine.dead_letters()]
    assert (report.outcome, len(letters) > 0, len(said) > 1) == ("failed", True, True)
    everything = "\n".join([*said, *letters, str(report.error), repr(flow)])
    assert "***" in everything
    assert [form for form in ("wörd", "w\\u00f6rd", "w%C3%B6rd") if form in everything] == []
    assert "wörd".encode() not in files(tmp_path)


async def test_bulletins_are_numbered_and_a_stopped_processor_says_so() -> None:
    chain = {"a": {"type": "generate", "count": 1, "record": {"n": "1"}, "to": "b"}, "b": {"type": "log"}}
    async with Engine(build_flow({"flow": "f", "processors": chain})) as engine:
        for _ in range(2):
            engine.context("b").bulletin("something")
        engine.steering.stop("b")
        stopped = engine.status().processors["b"]
        engine.steering.start("b")
        assert [each.number for each in engine.bulletins] == [1, 2]
        assert (stopped.is_stopped, stopped.concurrency, engine.status().processors["b"].is_stopped) == (True, 1, False)

"""Secrets never leave the process: every endpoint, log, report and file of a run is searched for them."""

from __future__ import annotations

import asyncio
import json
import os
import re
from pathlib import Path
from signal import SIGTERM
from typing import Any
from urllib.parse import quote

import aiohttp
import pytest
from yarl import URL

from router.control.api import OPERATIONS
from router.control.places import socket_path
from tests.cli.test_control import served, wait_for

SECRETS = {"BY_VARIABLE": "variable-Sesame 1/ä", "BY_FILE": 'file-"Sesame" 2\\', "BY_FOLDER": "folder-Sesame-3"}
WORD = re.compile(rb"esame")
PLUGIN = '''
import logging
from router import Batch, Config, Field, Processor, ProcessorError, RetryableError, Source

class Settings(Config):
    password: str = Field("", description="A secret.")
    url: str = Field("", description="Has one in it.")
    headers: dict[str, str] = Field(default_factory=dict, description="Have some in them.")

class Careless(Processor):
    """Tells its secrets wherever it can."""
    type_name = "careless"
    config: Settings
    tries = 0

    def process(self, batch, context):
        said = f"{self.config.password} {self.config.url} {self.config.headers!r}"
        logging.getLogger("router").info("asking with %s", said)
        context.bulletin(f"asked with {self.config.password}", settings=self.config, said=said, error=ValueError(said))
        number = batch.rows[0]["n"]
        if number == 1 and self.tries == 0:
            type(self).tries = 1
            raise RetryableError(f"no answer to {said}", after=0.1)
        if number % 2:
            raise ValueError(f"refused: {said}")
        return batch
'''
FLOW = """
flow: careless
parameters: {token: "${secret:BY_FILE}"}
run: {provenance: full}
processors:
  count: {type: count_up, to: tell}
  tell:
    type: careless
    password: ${secret:BY_VARIABLE}
    url: http://user:${secret:BY_FOLDER}@host/${token}
    headers: {Authorization: "Bearer ${token}"}
    run: {batch: {records: 1}}
    to: {processor: keep, queue: disk}
  keep: {type: keep}
"""


@pytest.fixture
def hidden(folder: Path, runtime: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A flow with a secret from each place one can come from."""
    (folder / "plugins" / "careless.py").write_text(PLUGIN)
    (folder / "careless.yaml").write_text(FLOW)
    (folder / "secrets").mkdir()
    (folder / "secrets" / "BY_FOLDER").write_text(SECRETS["BY_FOLDER"])
    (folder / "by_file").write_text(SECRETS["BY_FILE"] + "\n")
    monkeypatch.setenv("BY_VARIABLE", SECRETS["BY_VARIABLE"])
    monkeypatch.setenv("BY_FILE_FILE", str(folder / "by_file"))
    return folder / "state" / "router" / "careless"


async def everything(data: Path) -> dict[str, bytes]:
    """What every endpoint answers, with every name that there is."""
    connector = aiohttp.UnixConnector(str(socket_path(data)))
    found: dict[str, bytes] = {}
    async with aiohttp.ClientSession(connector=connector) as session:

        async def get(path: str, method: str = "GET") -> bytes:
            async with session.request(method, URL(f"http://x{path}", encoded=True)) as answer:
                read = answer.content.read(20_000) if path.endswith("/tap") else answer.read()
                found[f"{method} {path}"] = await read
                return found[f"{method} {path}"]

        for path in ("/api/flows", "/metrics", "/healthz", "/readyz", "/api/openapi.json"):
            await get(path)
        flow = json.loads(await get("/api/flows/careless"))
        letters = json.loads(await get("/api/flows/careless/dead-letters"))["letters"]
        names = {
            "flow": ["careless"],
            "name": [each["name"] for each in flow["processors"]],
            "id": [each["id"] for each in flow["connections"]],
            "letter": [str(each["id"]) for each in letters],
            "record": [],
        }
        for each in json.loads(await get("/api/flows/careless/provenance?limit=200"))["events"]:
            names["record"] += each["records"]
        for operation in OPERATIONS:
            name = operation.names[-1]
            if operation.path.endswith("/stop") and name == "flow":
                continue
            for value in names[name][:20]:
                path = operation.path.replace("{flow}", "careless").replace(f"{{{name}}}", quote(str(value), safe=""))
                await get(path, operation.method)
    return found


def test_no_secret_is_in_any_answer_log_report_or_file(start: Any, hidden: Path, folder: Path) -> None:
    log = folder / "log"
    with log.open("wb") as stderr, (folder / "report").open("wb") as stdout:
        options = ["--secrets", "secrets", "--json", "--log-level", "debug", "--log-json"]
        run = start("run", "careless.yaml", *options, stderr=stderr, stdout=stdout)
        wait_for(lambda: served(hidden))
        wait_for(lambda: log.read_bytes().count(b"***") > 20)
        answers = asyncio.run(everything(hidden))
        run.send(SIGTERM)
        run.process.wait(30)
    files = {str(path): path.read_bytes() for path in hidden.rglob("*") if path.is_file()}
    marks = {str(path): path.read_bytes() for path in Path(os.environ["XDG_RUNTIME_DIR"]).rglob("*") if path.is_file()}
    seen = {**answers, **files, **marks, "log": log.read_bytes(), "report": (folder / "report").read_bytes()}
    assert [name for name, data in seen.items() if WORD.search(data)] == []
    assert {"flow.db", "provenance.db"} <= {Path(name).name for name in files}
    telling = [
        name
        for name in ("/bulletins", "/log", "/processors/tell", "/dead-letters")
        if b"***" in answers[f"GET /api/flows/careless{name}"]
    ]
    assert telling == ["/bulletins", "/log", "/processors/tell", "/dead-letters"]
    settings = json.loads(answers["GET /api/flows/careless/processors/tell"])["settings"]
    assert settings == {"password": "***", "url": "***", "headers": {"Authorization": "***"}}


def test_no_secret_is_in_the_text_for_people(start: Any, hidden: Path, folder: Path) -> None:
    (folder / "careless.yaml").write_text(FLOW.replace("type: count_up", "type: count_up, count: 6"))
    run = start("run", "careless.yaml", "--secrets", "secrets", "--log-level", "debug", "--strict")
    code, said = run.end()
    assert (code, "***" in said, "esame" in said) == (1, True, False)

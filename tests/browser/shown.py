"""A flow for browsers to look at: a real `router run --listen`, with records of all kinds, hostile ones too."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from router.cli.serving import TOKEN as VARIABLE
from tests.services.server import free_port

TOKEN = "a-token-that-nobody-guesses"
LIMIT = 300
HOSTILE = """<img src=x onerror="document.title='hacked'"><script>document.title='hacked'</script>"""
FLOW = f"""
flow: shown
description: Numbers, some of them bad.
processors:
  read:
    type: numbers
    to: {{processor: check, queue: {{records: {LIMIT}}}}}
  check:
    type: check
    to: keep
  keep:
    type: keep
run:
  provenance: full
"""
PLUGIN = f'''
from pathlib import Path
from router import Batch, Source, processor, sink

class Numbers(Source):
    """Give numbers, without end."""
    type_name = "numbers"

    async def produce(self, context):
        number = 0
        while True:
            text = {HOSTILE!r} if number % 10 == 3 else f"number {{number}}"
            yield Batch.of([{{"n": number, "text": text, "long": 12345678901234567890123}}]), number
            number += 1
            await context.sleep(0.005)

@processor
def check(record: dict) -> dict:
    """Refuse the seventh, until it is mended."""
    if record["n"] == 7 and not Path("mended").exists():
        raise ValueError("no good: <b onclick=x>seven</b>")
    return record

@sink
def keep(record):
    """Write numbers down."""
    with Path("kept").open("a") as kept:
        kept.write(f"{{record['n']}}\\n")
'''


class Shown:
    """The flow, run in a process of its own; it can be ended, killed and run again, at the same address."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.url = f"http://127.0.0.1:{free_port()}"
        (folder / "plugins").mkdir()
        (folder / "plugins" / "stock.py").write_text(PLUGIN)
        (folder / "shown.yaml").write_text(FLOW)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def link(self) -> str:
        """What opens the page at once."""
        return f"{self.url}/#token={TOKEN}"

    def start(self, token: str = TOKEN) -> None:
        """Run it."""
        environment = {**os.environ, VARIABLE: token, "XDG_RUNTIME_DIR": str(self.folder)}
        listen = self.url.removeprefix("http://")
        command = [sys.executable, "-m", "router", "run", "shown.yaml", "--data", "data", "--listen", listen]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(command, cwd=self.folder, env=environment, stdout=log, stderr=log)

    def stop(self) -> None:
        """End it as a crash does."""
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait(30)
            self._process = None

    def grow(self) -> None:
        """Put one more processor into the flow while it runs."""
        file = self.folder / "shown.yaml"
        more = "    to: mark\n  mark:\n    type: set_fields\n    set: {seen: 1}\n    to: keep\n"
        file.write_text(file.read_text().replace("    to: keep\n", more))
        command = [sys.executable, "-m", "router", "reload", "shown", "--data", "data"]
        environment = {**os.environ, "XDG_RUNTIME_DIR": str(self.folder)}
        subprocess.run(command, cwd=self.folder, env=environment, check=True, capture_output=True)

    def wait(self) -> int:
        """Wait for its end; its exit code."""
        assert self._process is not None
        return self._process.wait(60)

    def kept(self) -> list[int]:
        """What has arrived in the sink."""
        path = self.folder / "kept"
        return [int(each) for each in path.read_text().split("\n")[:-1]] if path.exists() else []

    def wait_for_kept(self, number: int) -> None:
        """Wait until a record has arrived."""
        deadline = time.monotonic() + 60
        while number not in self.kept():
            assert time.monotonic() < deadline, (self.folder / "log").read_text()[-2000:]
            time.sleep(0.05)

"""`import router` is cheap: what a flow may never use is not loaded."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

HEAVY = (
    "aiohttp",
    "aiokafka",
    "fastavro",
    "numpy",
    "onnx",
    "onnxruntime",
    "pyarrow",
    "rich",
    "textual",
    "uvloop",
)


def loaded_after(statement: str) -> set[str]:
    program = f"{statement}\nimport json, sys\nprint(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return set(json.loads(done.stdout))


@pytest.mark.parametrize("statement", ["import router", "import router.cli", "import router_processors"])
def test_an_import_loads_nothing_heavy(statement: str) -> None:
    assert loaded_after(statement).isdisjoint(HEAVY)


def test_the_library_changes_nothing_of_its_host() -> None:
    program = (
        "import gc, logging, signal\n"
        "def seen(): return (gc.get_threshold(), gc.isenabled(), logging.root.handlers[:], logging.root.level,\n"
        "                    [signal.getsignal(s) for s in (signal.SIGINT, signal.SIGTERM, signal.SIGPIPE)])\n"
        "before = seen()\n"
        "import router\n"
        "assert seen() == before, (before, seen())\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)

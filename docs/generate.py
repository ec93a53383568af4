"""Write the pages that come from the code, or with `--check` fail where one is stale."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

from docs.generators import api, commands, reference

FOLDER = Path(__file__).resolve().parent
NOTE = "<!-- Written by `make docs` from the code; changes made here are lost. -->\n\n"
PAGES: dict[str, Callable[[], str]] = {
    "api.md": api.page,
    "reference/commands.md": commands.page,
    "reference/formats.md": reference.formats,
    "reference/functions.md": reference.functions,
    "reference/model_runtimes.md": reference.model_runtimes,
    "reference/processors.md": reference.processors,
    "reference/run.md": reference.run_settings,
}


def main(arguments: list[str]) -> int:
    """Write or compare every page; the exit code says whether all were as they should be."""
    os.environ["COLUMNS"] = "100"  # help wraps at the width of the terminal
    stale = 0
    for name, write in PAGES.items():
        path = FOLDER / name
        text = NOTE + _tidy(write())
        if path.exists() and path.read_text() == text:
            continue
        if "--check" in arguments:
            print(f"docs/{name} is stale; run: make docs", file=sys.stderr)
            stale += 1
        else:
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)
            print(f"wrote docs/{name}")
    return int(stale > 0)


def _tidy(text: str) -> str:
    """No blanks at line ends, no more than one empty line, one newline at the end."""
    lines = [line.rstrip() for line in text.strip().split("\n")]
    kept = [line for number, line in enumerate(lines) if line or lines[number - 1]]
    return "\n".join(kept) + "\n"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""Write the pages that come from the code, or with `--check` fail where one is stale."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

from docs.generators import api, commands, control, reference
from router.expression import reference as function_table

FOLDER = Path(__file__).resolve().parent
NOTE = "<!-- Written by `make docs` from the code; changes made here are lost. -->\n\n"


def expressions() -> str:
    """The page on expressions: its table of functions anew, all else as it stands."""
    written, heading, _ = (FOLDER / "expressions.md").read_text().partition("| function |")
    return written + function_table() if heading else written


PAGES: dict[str, Callable[[], str]] = {
    "api.md": lambda: NOTE + tidy(api.page()),
    "control.md": lambda: NOTE + tidy(control.page()),
    "expressions.md": expressions,
    "reference/commands.md": lambda: NOTE + tidy(commands.page()),
    "reference/formats.md": lambda: NOTE + tidy(reference.formats()),
    "reference/model_runtimes.md": lambda: NOTE + tidy(reference.model_runtimes()),
    "reference/processors.md": lambda: NOTE + tidy(reference.processors()),
    "reference/run.md": lambda: NOTE + tidy(reference.run_settings()),
}


def main(arguments: list[str]) -> int:
    """Write or compare every page; the exit code says whether all were as they should be."""
    os.environ["COLUMNS"] = "100"  # help wraps at the width of the terminal
    stale = 0
    for name, write in PAGES.items():
        path = FOLDER / name
        text = write()
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


def tidy(text: str) -> str:
    """No blanks at line ends, no more than one empty line, one newline at the end."""
    lines = [line.rstrip() for line in text.strip().split("\n")]
    kept = [line for number, line in enumerate(lines) if line or lines[number - 1]]
    return "\n".join(kept) + "\n"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""Check what no other tool does: line ends, trailing blanks, TOML and YAML that parse."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import yaml

TEXT = {"", ".cfg", ".md", ".py", ".pyi", ".toml", ".txt", ".yaml", ".yml"}


def problems(path: Path) -> Iterator[str]:
    """Yield what is wrong with one file, each with its line where there is one."""
    content = path.read_bytes()
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        yield f"{path}: byte {error.start} is not UTF-8"
        return
    for number, line in enumerate(text.split("\n"), 1):
        if line.endswith("\r"):
            yield f"{path}:{number}: the line ends with CR LF; LF alone is right"
        elif line != line.rstrip():
            yield f"{path}:{number}: blanks at the end of the line"
    if text and (not text.endswith("\n") or text.endswith("\n\n")):
        yield f"{path}: the file ends without a newline, or with several"
    yield from parse_problems(path, text)


def parse_problems(path: Path, text: str) -> Iterator[str]:
    """Yield the parser's complaint about a TOML or YAML file."""
    try:
        if path.suffix == ".toml":
            tomllib.loads(text)
        elif path.suffix in {".yaml", ".yml"}:
            yaml.compose(text)
    except (tomllib.TOMLDecodeError, yaml.YAMLError) as error:
        yield f"{path}: {error}"


def tracked() -> list[Path]:
    """Every file git knows or would know; all of them where there is no git."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    try:
        listed = subprocess.run(command, capture_output=True, check=True, text=True).stdout.split("\0")
    except (OSError, subprocess.CalledProcessError):
        return [path for path in Path().rglob("*") if not any(part.startswith(".") for part in path.parts)]
    return [Path(name) for name in listed if name]


def main(names: list[str]) -> int:
    """Check the named files, or all of them, and print every problem."""
    files = [Path(name) for name in names] or tracked()
    found = [
        problem
        for path in files
        if path.suffix in TEXT and path.is_file() and not path.name.startswith("LICENSE.")  # verbatim copies
        for problem in problems(path)
    ]
    print("\n".join(found), end="\n" if found else "")
    return bool(found)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

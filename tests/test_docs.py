"""The documentation says what is there: every processor, setting and command; every flow in it loads."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
import yaml

from router import build_flow
from router.cli import main
from router.plugins import load_registry

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
PAGES = sorted([*ROOT.glob("*.md"), *DOCS.rglob("*.md")])
REGISTRY = load_registry()
MARKED = re.compile(r"mark\.needs\(\"(.+?)\"\)")
LINK = re.compile(r"\]\((?!https?:|mailto:)([^)#\s]+)?(?:#([^)\s]*))?\)")


def name_of(page: Path) -> str:
    return str(page.relative_to(ROOT))


def blocks(page: Path, language: str) -> Iterator[str]:
    yield from re.findall(rf"^```{language}\n(.*?)^```$", page.read_text(), re.MULTILINE | re.DOTALL)


def section(page: Path, heading: str) -> str:
    found = re.search(rf"^## `{re.escape(heading)}`\n(.*?)(?=^## |\Z)", page.read_text(), re.MULTILINE | re.DOTALL)
    return found[1] if found else ""


def commands(command: click.Command, name: str) -> Iterator[str]:
    yield name
    if isinstance(command, click.Group):
        for inner in command.commands.values():
            if not inner.hidden:
                yield from commands(inner, f"{name} {inner.name}")


def anchors(page: Path) -> set[str]:
    titles = re.findall(r"^#+ (.*)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).strip().replace(" ", "-") for title in titles}


@pytest.mark.parametrize("name", sorted(REGISTRY.processors))
def test_every_processor_has_its_heading_settings_and_relationships(name: str) -> None:
    kind = REGISTRY.processors[name]
    text = section(DOCS / "reference" / "processors.md", name)
    words = [*kind.config_class().model_fields, *(each.name for each in kind.relationships)]
    assert (bool(text), [word for word in words if f"`{word}`" not in text]) == (True, [])


@pytest.mark.parametrize("name", sorted(REGISTRY.processors))
def test_every_setting_of_a_processor_is_described(name: str) -> None:
    fields = REGISTRY.processors[name].config_class().model_fields
    assert [setting for setting, field in fields.items() if not field.description] == []


@pytest.mark.parametrize("name", sorted(REGISTRY.processors))
def test_the_examples_of_a_processor_and_of_its_settings_are_right(name: str) -> None:
    kind = REGISTRY.processors[name].config_class()
    found = re.search(
        r"^```yaml\n(.*?)^```$", section(DOCS / "reference" / "processors.md", name), re.MULTILINE | re.DOTALL
    )
    assert found is not None
    for example in yaml.safe_load(found[1]).values():
        settings = {key: value for key, value in example.items() if key not in {"type", "to", "description", "run"}}
        variants = [{setting: each} for setting, field in kind.model_fields.items() for each in field.examples or ()]
        for variant in [{}, *variants]:
            kind.model_validate({**settings, **variant}, context={"registry": REGISTRY})


@pytest.mark.parametrize("name", sorted(REGISTRY.formats))
def test_every_format_has_its_heading(name: str) -> None:
    assert section(DOCS / "reference" / "formats.md", name)


@pytest.mark.parametrize("name", list(commands(main, "router")))
def test_every_command_has_its_heading(name: str) -> None:
    assert section(DOCS / "reference" / "commands.md", name)


@pytest.mark.parametrize("page", [page for page in PAGES if page.stem != "tutorial"], ids=name_of)
def test_every_flow_in_the_docs_loads(page: Path) -> None:
    # The tutorial has a test of its own, which runs its flows.
    for text in blocks(page, "yaml"):
        mapping = yaml.safe_load(text)
        if isinstance(mapping, dict) and "flow" in mapping:
            build_flow(mapping)


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_link_leads_somewhere(page: Path) -> None:
    prose = re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    broken = []
    for file, anchor in LINK.findall(prose):
        target = page.parent / file if file else page
        if not target.exists() or (anchor and target.suffix == ".md" and anchor not in anchors(target)):
            broken.append(file + ("#" + anchor if anchor else ""))
    assert broken == []


def test_the_commands_of_the_readme_exist() -> None:
    typed = re.findall(r"^(?:\$ )?(make|router) ([a-z-]+)", (ROOT / "README.md").read_text(), re.MULTILINE)
    recipes = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    known = {"make": recipes, "router": {name.split()[1] for name in commands(main, "router") if " " in name}}
    assert typed
    assert [f"{program} {word}" for program, word in typed if word not in known[program]] == []


def test_what_tests_need_stands_in_the_guide_for_contributors() -> None:
    guide = (ROOT / "CONTRIBUTING.md").read_text()
    needs = {need for path in (ROOT / "tests").rglob("*.py") for need in MARKED.findall(path.read_text())}
    assert [need for need in sorted(needs) if f"| {need} |" not in guide] == []


def test_the_generated_pages_are_fresh() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "docs.generate", "--check"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")

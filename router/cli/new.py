"""`router new`: a flow, a processor or a plugin to begin with."""

from __future__ import annotations

import importlib.util
import keyword
import re
from collections.abc import Mapping
from pathlib import Path

import click

from router.cli.group import TeachingCommand, TeachingGroup
from router.cli.loading import fail

__all__ = ["command"]

_HERE = Path(__file__).resolve().parent
_TEMPLATES = _HERE / "templates"
_KINDS = {
    "flow": "Write a flow that runs as it is; `tweets` is the large example.",
    "processor": "Write a processor into plugins/, and its test.",
    "plugin": "Write a package of processors, with tests and README.",
}


def _name(context: click.Context, parameter: click.Parameter, value: str) -> str:
    if not re.fullmatch("[a-z][a-z0-9_]*", value) or keyword.iskeyword(value):
        if keyword.iskeyword(value):
            raise click.BadParameter(f"{value!r} is a word of Python; choose another one", ctx=context, param=parameter)
        likely = re.sub("[^a-z0-9]+", "_", value.lower()).strip("_")
        hint = f" (did you mean {likely!r}?)" if re.match("[a-z]", likely) and likely != value else ""
        raise click.BadParameter(
            f"a name is lower-case letters, digits and _, and begins with a letter; got {value!r}{hint}",
            ctx=context,
            param=parameter,
        )
    return value


@click.group(
    "new",
    cls=TeachingGroup,
    short_helps=_KINDS,
    examples="""
    router new flow tweets         flows/tweets.yaml with its posts and its model
    router new flow orders         flows/orders.yaml, small, to begin with
    router new processor shout     plugins/shout.py and test_shout.py
    router new plugin shop_tools   shop_tools/, a package to install
    """,
)
def command() -> None:
    """Write a flow, a processor or a plugin to begin with. Nothing is ever overwritten."""


@command.command("flow", cls=TeachingCommand, help=_KINDS["flow"], examples="router new flow tweets")
@click.argument("name", callback=_name)
def flow(name: str) -> None:
    files = _example() if name == "tweets" else _filled("flow", name)
    _write(files, [f"router run flows/{name}.yaml"])


@command.command("processor", cls=TeachingCommand, help=_KINDS["processor"], examples="router new processor shout")
@click.argument("name", callback=_name)
def processor(name: str) -> None:
    from router.plugins import load_registry  # noqa: PLC0415 - `router --help` needs no plugins

    registry = load_registry()
    if name in registry.processors:
        fail([f"the processor type {name!r} is taken by plugin {registry.owner('processor type', name)!r}"])
    _write(_filled("processor", name), [f"python -m pytest test_{name}.py"])


@command.command("plugin", cls=TeachingCommand, help=_KINDS["plugin"], examples="router new plugin shop_tools")
@click.argument("name", callback=_name)
def plugin(name: str) -> None:
    if not Path(name).exists() and importlib.util.find_spec(name) is not None:
        fail([f"the name {name!r} is taken by an installed package; choose another one"])
    files = {Path(name) / path: content for path, content in _filled("plugin", name).items()}
    _write(files, [f"cd {name}", "python -m pytest", "pip install --editable ."])


def _filled(template: str, name: str) -> dict[Path, bytes]:
    """The files of a template, with the name in their paths and texts."""
    folder = _TEMPLATES / template
    found = {}
    for path in sorted(folder.rglob("*.template")):
        place = str(path.relative_to(folder).with_suffix("")).replace("NAME", name)
        text = path.read_text(encoding="utf-8").replace("NAME", name).replace("DASHED", name.replace("_", "-"))
        found[Path(place)] = text.encode()
    return found


def _example() -> dict[Path, bytes]:
    """The files of the large example: inside the package, or in a checkout of the project beside it."""
    packaged = _HERE / "examples" / "tweets"
    folder = packaged if packaged.is_dir() else _HERE.parents[1] / "flows"
    wanted = [folder / "tweets.yaml", folder / "data" / "posts.jsonl", *sorted((folder / "models").iterdir())]
    return {Path("flows") / path.relative_to(folder): path.read_bytes() for path in wanted if path.is_file()}


def _write(files: Mapping[Path, bytes], then: list[str]) -> None:
    """Write all the files or none."""
    taken = [path for path in files if path.exists()]
    if taken:
        fail([f"{path}: is there already; nothing was written" for path in taken])
    begun: list[Path] = []
    for path, content in files.items():
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("xb") as file:
                begun.append(path)
                file.write(content)
        except OSError as error:
            for each in begun:
                each.unlink()
            fail([f"{path}: {(error.strerror or str(error)).lower()}; nothing was written"])
    for path in files:
        click.echo(f"wrote {path}")
    click.echo("\nnext:")
    for line in then:
        click.echo(f"  {line}")

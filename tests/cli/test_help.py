"""The help of the command line teaches, imports little, and names the nearest word."""

from __future__ import annotations

import json
import re
import subprocess
import sys

import click
import pytest
from click.testing import CliRunner

from router.cli import main
from router.cli.group import TeachingGroup

COMMANDS = main.list_commands(click.Context(main))


def told(*arguments: str) -> tuple[int, str]:
    done = CliRunner().invoke(main, arguments, prog_name="router")
    return done.exit_code, done.output


def test_help_lists_every_command_and_ends_with_examples() -> None:
    code, text = told("--help")
    listed = re.findall(r"^  ([a-z-]+)  ", text.partition("Commands:\n")[2].partition("Examples:")[0], re.MULTILINE)
    assert (code, listed) == (0, COMMANDS)
    assert "  router run flows/tweets.yaml " in text.partition("Examples:\n")[2]


@pytest.mark.parametrize("name", COMMANDS)
def test_the_line_of_a_command_in_the_list_is_the_first_of_its_own_help(name: str) -> None:
    assert isinstance(main, TeachingGroup)
    text = " ".join((main.commands[name].help or "").split())
    assert text.startswith(main.short_helps[name])


@pytest.mark.parametrize("name", [name for name in COMMANDS if name != "version"])
def test_the_help_of_a_command_has_examples_that_name_it(name: str) -> None:
    code, text = told(name, "--help")
    assert (code, f"router {name}" in text.partition("Examples:\n")[2]) == (0, True)


def test_help_imports_no_command() -> None:
    program = (
        "import sys, json\nfrom click.testing import CliRunner\nfrom router.cli import main\n"
        "assert CliRunner().invoke(main, ['--help']).exit_code == 0\n"
        "print(json.dumps([name for name in sys.modules if name.startswith('router.cli')]))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert sorted(json.loads(done.stdout)) == ["router.cli", "router.cli.group"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["rnu"], "no command 'rnu' (did you mean 'run'?)"),
        (["new", "plugn"], "no command 'plugn' (did you mean 'plugin'?)"),
        (["xyz"], "no command 'xyz'; one of: run, validate, "),
        (["flows/tweets.yaml"], "no command 'flows/tweets.yaml'; a flow is run by: router run flows/tweets.yaml"),
    ],
)
def test_an_unknown_command_is_exit_code_2_and_names_what_may_be_meant(words: list[str], said: str) -> None:
    code, text = told(*words)
    assert (code, said in text) == (2, True), text


@pytest.mark.parametrize("words", [["version"], ["--version"]])
def test_version_prints_three_numbers(words: list[str]) -> None:
    code, text = told(*words)
    assert (code, bool(re.fullmatch(r"router \d+\.\d+\.\d+\n", text))) == (0, True), text


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_prints_a_script_that_asks_the_command(shell: str) -> None:
    code, text = told("completion", shell)
    assert (code, "_ROUTER_COMPLETE" in text) == (0, True)


def test_a_shell_that_asks_is_given_the_commands(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = {"_ROUTER_COMPLETE": "bash_complete", "COMP_WORDS": "router v", "COMP_CWORD": "1"}
    done = CliRunner().invoke(main, [], prog_name="router", env=asked)
    assert done.output.split() == ["plain,validate", "plain,version"]


def test_schema_prints_a_json_schema_that_knows_the_processors() -> None:
    code, text = told("schema")
    schema = json.loads(text)
    assert (code, "$schema" in schema, '"route"' in text) == (0, True, True)

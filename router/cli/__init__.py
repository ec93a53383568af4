"""The command line: `router run`, and what helps to write flows and processors."""

from __future__ import annotations

import click

from router.cli.group import Commands, TeachingGroup, hold_standard_files

__all__ = ["main"]

_COMMANDS = {
    "run": "Run flows, to their end or until they are stopped.",
    "validate": "Say everything that is wrong with flows; start nothing.",
    "status": "Show flows that run: the state, queues and rates of each part.",
    "top": "Watch a flow that runs, on one screen.",
    "ui": "Watch and steer flows that run, in the terminal.",
    "tap": "Print records as they come into a connection, as JSON lines.",
    "processor": "Look at a processor of a flow that runs, stop it, start it, widen it.",
    "reload": "Load a flow that runs anew, and make of it what its file says now.",
    "diff": "Say what a reload would change.",
    "stop": "Stop a flow that runs: its sources first, then what is under way arrives.",
    "dead-letters": "Look after the records that a flow set aside.",
    "queue": "Look after the records that wait in a flow's queues.",
    "provenance": "Say what happened to the records of a flow.",
    "graph": "Draw a flow, as text or as Mermaid.",
    "processors": "Show the processors there are, or all about one.",
    "new": "Write a flow, a processor or a plugin to begin with.",
    "schema": "Print the JSON Schema of flow files, for editors.",
    "completion": "Print the script that completes commands in a shell.",
    "version": "Print the version.",
}


@click.group(
    cls=TeachingGroup,
    commands=Commands("router.cli", _COMMANDS),
    short_helps=_COMMANDS,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    examples="""
    router new flow tweets                 write a flow that scores and routes posts
    router run flows/tweets.yaml           run it
    router graph flows/tweets.yaml         see it
    router top                             watch it run
    router processors route                learn what a processor does
    """,
)
@click.version_option(package_name="stream-router", prog_name="router", message="%(prog)s %(version)s")
def main() -> None:
    """Move records through a flow: a graph of processors in one readable file.

    A flow names its sources, its processors and its sinks, and where the records of
    each go. router runs it, with bounded queues between them, and tells a source that its
    records are safe only when they are.
    """
    hold_standard_files()

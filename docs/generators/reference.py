"""The reference pages: processors, formats, model runtimes, and the settings of `run:`."""

from __future__ import annotations

from collections.abc import Mapping

from docs.generators import markdown
from router.cli.reference import reference, settings
from router.cli.reference_pages import markdown as processor_pages
from router.cli.reference_pages import settings_table, table
from router.config import Config
from router.flow import BatchOptions, CircuitOptions, FlowRun, HoldOptions, QueueOptions, RetryOptions, RunOptions
from router.plugins import load_registry
from router.provenance import ProvenanceOptions

PROCESSORS = """\
# Processors

Each is a `type:` in a flow. `type`, `to`, `description` and `run` belong to every processor; [run settings](run.md) has
what `run:` takes, [expressions](../expressions.md) what an expression is. The same text is in the terminal:
`router processors NAME`.
"""
FORMATS = """\
# Formats

A `format:` is a name, or a mapping with its settings: `format: {type: csv, header: false}`.
"""
MODEL_RUNTIMES = """\
# Model runtimes

`run_model` chooses one by the suffix of the model's file, or by `runtime:`.
"""
RUN = """\
# Run settings

The engine's own settings; a processor knows nothing of them.
"""
RUN_SECTIONS: dict[str, type[Config]] = {
    "`run:` of a processor": RunOptions,
    "`run.batch`": BatchOptions,
    "`run.hold`": HoldOptions,
    "`run.retry`": RetryOptions,
    "`run.circuit`": CircuitOptions,
    "`queue:` of a connection": QueueOptions,
    "`run:` of a flow": FlowRun,
    "`run.provenance` of a flow": ProvenanceOptions,
}


def processors() -> str:
    """One heading for each built-in processor: what it does, its settings, its relationships."""
    found = [reference(kind) for _, kind in sorted(load_registry().processors.items())]
    rows = [(f"[`{each.type}`](#{each.type})", each.kind, each.summary) for each in found]
    return "\n".join([PROCESSORS, table(("type", "", "what it does"), rows) + "\n", processor_pages(found)])


def formats() -> str:
    """One heading for each format."""
    return "\n".join([FORMATS, *_sections(load_registry().formats)])


def model_runtimes() -> str:
    """One heading for each model runtime."""
    return "\n".join([MODEL_RUNTIMES, *_sections(load_registry().model_runtimes)])


def run_settings() -> str:
    """What `run:` and `queue:` take."""
    return "\n".join([RUN, *(_section(title, kind, kind) for title, kind in RUN_SECTIONS.items())])


def _sections(kinds: Mapping[str, type]) -> list[str]:
    return [_section(f"`{name}`", kind, kind.config_class()) for name, kind in sorted(kinds.items())]  # type: ignore[attr-defined]


def _section(title: str, documented: type, config: type[Config]) -> str:
    return f"## {title}\n\n{markdown.docstring(documented)}\n\n{settings_table(settings(config))}\n"

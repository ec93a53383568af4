"""How models are run: the contract of a model runtime plugin."""

from __future__ import annotations


class ModelRuntime:
    """Base of model runtimes."""

    type_name = ""

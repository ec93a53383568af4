"""The built-in processors, formats and model runtimes: an ordinary plugin of router."""

from __future__ import annotations

from router import Registry, hookimpl
from router_processors.filter import Filter
from router_processors.generate import Generate
from router_processors.log import Log
from router_processors.respond import Respond
from router_processors.route import Route
from router_processors.run_model import RunModel
from router_processors.runtimes.onnx import Onnx
from router_processors.set_fields import SetFields
from router_processors.throttle import Throttle


@hookimpl
def register(registry: Registry) -> None:
    """Register all of them."""
    for processor in (Filter, Generate, Log, Respond, Route, RunModel, SetFields, Throttle):
        registry.processor(processor)
    registry.model_runtime(Onnx)

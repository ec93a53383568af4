"""The built-in processors, formats and model runtimes: an ordinary plugin of router."""

from __future__ import annotations

from router import Registry, hookimpl
from router_processors.call_http import CallHttp
from router_processors.dedupe import Dedupe
from router_processors.filter import Filter
from router_processors.formats.avro import Avro
from router_processors.formats.csv import Csv
from router_processors.formats.json import Json
from router_processors.formats.json_lines import JsonLines
from router_processors.formats.parquet import Parquet
from router_processors.formats.raw import Raw
from router_processors.formats.text import Text
from router_processors.generate import Generate
from router_processors.log import Log
from router_processors.read_file import ReadFile
from router_processors.respond import Respond
from router_processors.route import Route
from router_processors.run_model import RunModel
from router_processors.runtimes.onnx import Onnx
from router_processors.serve_http import ServeHttp
from router_processors.set_fields import SetFields
from router_processors.throttle import Throttle
from router_processors.window import Window
from router_processors.write_file import WriteFile
from router_processors.write_sql import WriteSql


@hookimpl
def register(registry: Registry) -> None:
    """Register all of them."""
    for processor in (
        CallHttp,
        Dedupe,
        Filter,
        Generate,
        Log,
        ReadFile,
        Respond,
        Route,
        RunModel,
        ServeHttp,
        SetFields,
        Throttle,
        Window,
        WriteFile,
        WriteSql,
    ):
        registry.processor(processor)
    for format_ in (Avro, Csv, Json, JsonLines, Parquet, Raw, Text):
        registry.format(format_)
    registry.model_runtime(Onnx)

"""Run ONNX models with onnxruntime."""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

from router import (
    Answer,
    Config,
    Field,
    Model,
    ModelColumn,
    ModelField,
    ModelRuntime,
    ProcessorError,
    RecordError,
    UnscorableError,
)
from router_processors.runtimes.tensors import from_array, to_array

_LOADING = threading.Lock()  # sessions made at the same time have been seen to race
_TENSOR = re.compile(r"tensor\((\w+)\)")
_MAPS = re.compile(r"seq\(map\((\w+),tensor\(\w+\)\)\)")
_DTYPES = {"float": "float32", "double": "float64", "string": "text"}
_NO_VERSION = 2**63 - 1  # what onnxruntime says for none
_KNOWN = frozenset({
    "float16", "float32", "float64", "int8", "int16", "int32", "int64",
    "uint8", "uint16", "uint32", "uint64", "bool", "text",
})  # fmt: skip


class OnnxConfig(Config):
    """Settings of the runtime ``onnx``."""

    threads: int = Field(
        1,
        ge=1,
        description="Threads of one call. For all but large models one is best: they wait for work on their cores.",
    )


class Onnx(ModelRuntime):
    """Run ONNX models with onnxruntime, on the processor.

    A model has a first dimension that counts the records, left open. One that is fixed to 1 is
    called record by record, which is slow.

    Example:
        score:
          type: run_model
          model: models/sentiment.onnx
          runtime: {type: onnx, threads: 2}
          inputs: {text: text}
          outputs: {sentiment: score}
    """

    type_name = "onnx"
    suffixes = (".onnx", ".ort")
    config: OnnxConfig

    def load(self, path: Path) -> Model:
        """Load a model file."""
        if not path.is_file():
            raise ProcessorError(f"{path}: {'a folder, not a model file' if path.is_dir() else 'no such model file'}")
        try:
            import onnxruntime  # noqa: PLC0415 - heavy: loaded when a model is
        except ImportError as error:
            raise ProcessorError(f"models need the 'onnxruntime' package, which cannot be loaded: {error}") from error
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = self.config.threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 4  # what goes wrong is raised, and told where it belongs
        try:
            with _LOADING:
                session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        except Exception as error:  # onnxruntime's own errors have no common base
            raise ProcessorError(f"{path}: {_why_not(error)}") from error
        return OnnxModel(path, session)


class OnnxModel(Model):
    """A session of onnxruntime; it may be shared by threads."""

    def __init__(self, path: Path, session: Any) -> None:
        self.inputs = [_field(each) for each in session.get_inputs()]
        self.outputs = [_field(each) for each in session.get_outputs()]
        self.metadata = _metadata(session.get_modelmeta())
        self._session = session
        counts = {field.shape[0] for field in self.inputs if field.shape}
        self._one_by_one = 1 in counts
        if fixed := [count for count in counts if count not in (1, None)]:
            raise ProcessorError(
                f"{path}: it takes exactly {fixed[0]} records at a time; "
                "export it with an open first dimension (a dynamic batch)"
            )
        for field in self.inputs:
            if field.dtype not in _KNOWN:
                raise ProcessorError(f"{path}: its input {field.name!r} takes {field.dtype}, which records do not hold")

    def run(self, columns: Mapping[str, Sequence[ModelColumn]], answers: Sequence[Answer]) -> list[list[Any]]:
        """Score a batch."""
        arrays = {field.name: to_array(columns[field.name], field) for field in self.inputs}
        wanted = list(dict.fromkeys(answer.output for answer in answers))
        count = len(next(iter(columns.values()))[0].values)
        try:
            results = self._each(wanted, arrays, count) if self._one_by_one else self._session.run(wanted, arrays)
        except Exception as error:  # onnxruntime's own errors have no common base
            raise RecordError(f"the model cannot be run on it: {_first_line(error)}") from error
        found = dict(zip(wanted, results, strict=True))
        for name, result in found.items():
            if len(result) != count:
                raise ProcessorError(f"the model's output {name!r} has {len(result)} answers for {count} records")
        return [self._values(answer, found[answer.output]) for answer in answers]

    def _each(self, wanted: Sequence[str], arrays: Mapping[str, Any], count: int) -> list[Any]:
        import numpy as np  # noqa: PLC0415

        calls = [
            self._session.run(wanted, {name: array[index : index + 1] for name, array in arrays.items()})
            for index in range(count)
        ]
        return [
            list(chain.from_iterable(parts)) if isinstance(parts[0], list) else np.concatenate(parts)
            for parts in zip(*calls, strict=True)
        ]

    def _values(self, answer: Answer, result: Any) -> list[Any]:
        if isinstance(result, list):
            return self._of_maps(answer, result)
        if answer.element is not None:
            if result.ndim < 2 or not isinstance(answer.element, int) or answer.element >= result.shape[1]:
                raise ProcessorError(f"the model's output {answer.output!r} has no element {answer.element!r}")
            result = result[:, answer.element]
        if result.dtype.kind == "f":
            _refuse_nan(answer, result)
        return from_array(result)

    def _of_maps(self, answer: Answer, result: Sequence[Any]) -> list[Any]:
        """One value a class for each record; the classes are text in a record, as JSON has it."""
        if not isinstance(result[0], dict):
            return [from_array(each) for each in result]
        maps = [{str(key): value for key, value in each.items()} for each in result]
        bad = [index for index, each in enumerate(maps) if any(value != value for value in each.values())]  # noqa: PLR0124
        if bad:
            raise UnscorableError([(index, _no_number(answer)) for index in bad])
        if answer.element is None:
            return maps
        if str(answer.element) not in maps[0]:
            known = ", ".join(sorted(maps[0]))
            raise ProcessorError(
                f"the model's output {answer.output!r} has no class {answer.element!r}; its classes are {known}"
            )
        return [each[str(answer.element)] for each in maps]


def _refuse_nan(answer: Answer, result: Any) -> None:
    import numpy as np  # noqa: PLC0415

    wrong = np.isnan(result)
    if wrong.any():
        bad = np.flatnonzero(wrong.reshape(len(result), -1).any(axis=1)).tolist()
        raise UnscorableError([(index, _no_number(answer)) for index in bad])


def _no_number(answer: Answer) -> RecordError:
    return RecordError(f"the model answers {answer.output!r} with what is not a number (NaN)")


def _field(argument: Any) -> ModelField:
    tensor = _TENSOR.fullmatch(argument.type)
    dtype = _DTYPES.get(tensor[1], tensor[1]) if tensor else "map" if _MAPS.fullmatch(argument.type) else argument.type
    shape = tuple(side if isinstance(side, int) else None for side in argument.shape or ())
    return ModelField(argument.name, shape, dtype)


def _metadata(found: Any) -> dict[str, str]:
    known = {
        "producer": found.producer_name,
        "description": found.description,
        "version": str(found.version) if 0 < found.version < _NO_VERSION else "",
        **found.custom_metadata_map,
    }
    return {name: text for name, text in known.items() if text}


def _why_not(error: Exception) -> str:
    text = _first_line(error)
    if found := re.search(r"locale with name:\s*([\w.-]+)", text):
        return (
            f"it folds letters by the rules of the locale {found[1]!r}, which this machine lacks; generate it "
            f"(Debian: locale-gen {found[1]}), or set the attribute 'locale' of its StringNormalizer to 'C.UTF-8'"
        )
    if "Protobuf parsing failed" in text or "No graph was found" in text:
        return "not an ONNX model, or a part of one"
    return f"onnxruntime cannot load it: {text}"


def _first_line(error: Exception) -> str:
    text = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    return re.sub(r"^\[ONNXRuntimeError\] : \d+ : \w+ : ", "", text)

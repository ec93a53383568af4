"""Score records with a model."""

from __future__ import annotations

import asyncio
import logging
import re
import time
from collections.abc import Iterable, Sequence
from typing import Annotated, Any, TypeAlias

from pydantic import BeforeValidator, WithJsonSchema

from router import (
    Answer,
    Batch,
    Config,
    Context,
    Expression,
    Field,
    FilePath,
    Model,
    ModelColumn,
    ModelRuntime,
    Processor,
    ProcessorError,
    UnscorableError,
    failed,
    nearest,
)

_ELEMENT = re.compile(r"(.+)\[(?:([0-9]+)|\"([^\"]+)\"|'([^']+)')\]")


def _as_list(value: object) -> object:
    return value if isinstance(value, list | tuple) else [value]


Columns: TypeAlias = Annotated[
    list[Expression],
    BeforeValidator(_as_list),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": ["string", "number", "boolean"], "format": "expression"},
                {"type": "array", "items": {"type": ["string", "number", "boolean"], "format": "expression"}},
            ]
        }
    ),
]

_log = logging.getLogger("router")


class RunModelConfig(Config):
    """Settings of ``run_model``."""

    model: FilePath = Field(description="The model file.", examples=["models/sentiment.onnx"])
    runtime: ModelRuntime = Field(
        None, validate_default=True, description="What runs it; left out: told by the end of the file's name."
    )
    inputs: dict[str, Columns] = Field(
        min_length=1,
        description="Model input: expression, or a list of them that are put side by side in one input.",
        examples=[{"text": "text"}, {"x": ["age", "height / 100"]}],
    )
    outputs: dict[str, str] = Field(
        min_length=1,
        description="Record field: model output, or one element of it.",
        examples=[{"sentiment": "score"}, {"label": "output_label", "spam": 'output_probability["spam"]'}],
    )


class RunModel(Processor):
    """Score each record with a model, a whole batch in one call, and put the answers into its fields.

    Values are taken as they are, none is guessed: a number for a number, text for text; true and
    false count as 1 and 0, a float without a fraction as an integer. A record with a value that is
    missing or of another kind, or for which the model answers with what is not a number, leaves by
    `failure` with an error that names it; the others are scored. An answer is a number or text; a
    list where the model gives several; an object with a value for each class where it gives those.

    The model is loaded once, at the start. A call runs on the event loop; for a model that takes
    long give `run: {execution: thread}`.

    Example:
        score:
          type: run_model
          model: models/sentiment.onnx
          inputs: {text: text}
          outputs: {sentiment: score}
          to: route
    """

    type_name = "run_model"
    adds_fields = True
    config: RunModelConfig
    _model: Model | None = None
    _answers: Sequence[Answer] = ()

    def __init__(self, config: RunModelConfig) -> None:
        super().__init__(config)
        given = [each for expressions in config.inputs.values() for each in expressions]
        self._reads = frozenset[str]().union(*(each.fields for each in given))
        if not any(each.whole for each in given) and self._reads.isdisjoint(config.outputs):
            self.reads = "any"  # the answers may be put into the bytes, where nobody behind needs more than those

    @classmethod
    def check(cls, config: RunModelConfig) -> Iterable[str]:
        """Refuse outputs that look like places within a record: they are fields."""
        for field in config.outputs:
            if field.startswith("meta.") or "[" in field:
                yield f"'outputs': an answer goes into a field, such as 'score'; got {field!r}"

    def fields(self) -> frozenset[str]:
        """What the inputs read, where the records may stay undecoded."""
        return self._reads if self.reads == "any" else frozenset()

    async def start(self, context: Context) -> None:
        """Load the model, beside the event loop, and see that it has what the settings name."""
        began = time.monotonic()
        try:
            model = await asyncio.to_thread(self.config.runtime.load, self.config.model)
        except (ProcessorError, MemoryError):
            raise
        except Exception as error:
            raise ProcessorError(f"{self.config.model}: {type(error).__name__}: {error}") from error
        self._check_inputs(model)
        self._answers = [self._answer(text, model) for text in self.config.outputs.values()]
        self._model = model
        data = {
            "model": str(self.config.model),
            "runtime": self.config.runtime.type_name,
            "inputs": [str(each) for each in model.inputs],
            "outputs": [str(each) for each in model.outputs],
            "seconds": round(time.monotonic() - began, 3),
            "metadata": dict(model.metadata),
        }
        # News for whoever asks for them, not for the operator: no bulletin.
        _log.info("%s: the model is loaded", context.name, extra={"processor": context.name, "data": data})

    async def stop(self, context: Context) -> None:
        """Let go of the model."""
        self._model = None

    def process(self, batch: Batch, context: Context) -> Batch | dict[str, Batch]:
        """Score a batch."""
        good, failures = batch, []
        answers: list[list[Any]] = [[]] * len(self.config.outputs)
        while len(good):
            try:
                answers = self._run(good)
                break
            except UnscorableError as error:
                failures.append(failed(good, error.failures, context.name))
                bad = {index for index, _ in error.failures}
                good = good.select([index for index in range(len(good)) if index not in bad])
        scored = good.with_fields(**dict(zip(self.config.outputs, answers, strict=True)))
        if not failures:
            return scored
        routes = {"failure": Batch.concat(failures), "success": scored}
        return {name: part for name, part in routes.items() if len(part)}

    def _run(self, batch: Batch) -> list[list[Any]]:
        if self._model is None:
            raise ProcessorError("the model is not loaded")
        columns = {
            name: [ModelColumn(each.source, each.over(batch)) for each in expressions]
            for name, expressions in self.config.inputs.items()
        }
        return self._model.run(columns, self._answers)

    def _check_inputs(self, model: Model) -> None:
        known = {each.name: each for each in model.inputs}
        for name, expressions in self.config.inputs.items():
            if name not in known:
                raise ProcessorError(
                    f"{self.config.model}: the model has no input {name!r}{nearest(name, known)}; "
                    f"its inputs are {_listed(model.inputs)}"
                )
            shape = known[name].shape
            width = shape[1] if len(shape) == 2 else 1 if len(shape) == 1 else None
            if len(expressions) > 1 and width not in (None, len(expressions)):
                raise ProcessorError(
                    f"{self.config.model}: the model's input {name!r} takes {width} values a record; "
                    f"'inputs.{name}' gives {len(expressions)}"
                )
        for missing in known.keys() - self.config.inputs.keys():
            raise ProcessorError(f"{self.config.model}: the model also needs the input {missing!r}; add it to 'inputs'")

    def _answer(self, text: str, model: Model) -> Answer:
        known = {each.name: each for each in model.outputs}
        if text in known:
            return Answer(text)
        found = _ELEMENT.fullmatch(text)
        if found and found[1] in known:
            shape, element = known[found[1]].shape, int(found[2]) if found[2] else found[3] or found[4]
            if len(shape) == 2 and shape[1] is not None and not (isinstance(element, int) and element < shape[1]):
                raise ProcessorError(
                    f"{self.config.model}: the model's output {found[1]!r} has elements 0 to {shape[1] - 1}; got {element!r}"
                )
            return Answer(found[1], element)
        name = found[1] if found else text
        raise ProcessorError(
            f"{self.config.model}: the model has no output {name!r}{nearest(name, known)}; "
            f"its outputs are {_listed(model.outputs)}"
        )


def _listed(fields: Iterable[object]) -> str:
    return ", ".join(map(str, fields))

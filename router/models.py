"""How models are run: the contract of a model runtime plugin."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

from pydantic import ValidationInfo

from router.choice import Choice
from router.codec import Failures
from router.errors import RecordError, RouterError

__all__ = ["Answer", "Model", "ModelColumn", "ModelField", "ModelRuntime", "UnscorableError"]


@dataclass(frozen=True, slots=True)
class ModelField:
    """One input or output of a model.

    ``shape`` begins with the number of records; None is any number. ``dtype`` is a word such as
    ``float32``, ``int64``, ``bool``, ``text``; an output may also be a ``map``, a value for each class.
    """

    name: str
    shape: tuple[int | None, ...]
    dtype: str

    def __str__(self) -> str:
        sides = " x ".join("n" if side is None else str(side) for side in self.shape)
        return f"{self.name} ({self.dtype}{', ' if sides else ''}{sides})"


class ModelColumn(NamedTuple):
    """One value a record for an input of a model, and what to call it in an error."""

    name: str
    values: Sequence[Any]


class Answer(NamedTuple):
    """What is wanted of a model: an output, whole or one element of it for each record."""

    output: str
    element: int | str | None = None


class UnscorableError(RouterError):
    """Some records of a batch cannot be scored: ``failures``, index and error; the others can be.

    The caller sets these records aside and runs the model on the others.
    """

    def __init__(self, failures: Sequence[tuple[int, RecordError]]) -> None:
        self.failures: Failures = list(failures)
        super().__init__(f"{len(self.failures)} records cannot be scored; the first: {self.failures[0][1]}")


class Model(ABC):
    """A model that is loaded: records in, answers out, a whole batch at a time.

    It is shared by the calls of one processor, which may overlap in threads where the flow
    says so; what is not safe for that, the model guards itself.
    """

    inputs: Sequence[ModelField]
    """What it is given; every one of them is needed."""
    outputs: Sequence[ModelField]
    """What it can answer."""
    metadata: Mapping[str, str]
    """What its file says about it: producer, version, description."""

    @abstractmethod
    def run(self, columns: Mapping[str, Sequence[ModelColumn]], answers: Sequence[Answer]) -> list[list[Any]]:
        """Score a batch, which is never empty; return one list for each answer, one value for each record.

        Each input has one column, of single values or of lists, or several columns that lie
        side by side in a record. A value that is missing or of another kind is never guessed,
        and an answer that is no number is none.

        Raises:
            UnscorableError: some records cannot be scored.
            RecordError: the batch cannot; it is tried again in halves.
        """


class ModelRuntime(Choice):
    """Base of model runtimes: what runs the models of one kind of file.

    A runtime is chosen by the end of the model's file name, or by name:
    ``runtime: onnx``, ``runtime: {type: onnx, threads: 4}``.

    Example:
        >>> class Mean(ModelRuntime):
        ...     '''Averages.'''
        ...     type_name = "mean"
        ...     suffixes = (".mean",)
        ...     def load(self, path):
        ...         return MeanModel(path.read_text())
    """

    noun = "model runtime"
    suffixes: ClassVar[tuple[str, ...]] = ()
    """The ends of file names that mean this runtime where none is named."""

    def load(self, path: Path) -> Model:
        """Load a model; called in a thread, before any of its processor's records come.

        Raises:
            ProcessorError: it cannot be loaded; says which file and what would be right.
        """
        raise NotImplementedError

    @classmethod
    def known(cls, registry: Any) -> Mapping[str, type[Choice]]:
        """The runtimes a registry holds, by name."""
        found: Mapping[str, type[Choice]] = registry.model_runtimes
        return found

    @classmethod
    def named(cls, value: object, info: ValidationInfo) -> object:
        """Where no runtime is named, the one that runs files like the setting ``model``."""
        model = info.data.get("model")
        if value is not None or model is None:
            return value
        registry = (info.context or {}).get("registry")
        kinds = cls.known(registry) if registry is not None else {}
        for name, kind in kinds.items():
            if issubclass(kind, cls) and model.name.endswith(kind.suffixes):
                return name
        known = ", ".join(sorted(suffix for kind in kinds.values() for suffix in getattr(kind, "suffixes", ())))
        raise ValueError(f"no model runtime for {model.name!r}: name one, or use a file that ends in {known or 'none'}")

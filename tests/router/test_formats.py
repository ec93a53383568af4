from __future__ import annotations

from pathlib import Path
from typing import Any, BinaryIO

import pytest
from pydantic import ValidationError

from router import (
    RAW,
    Batch,
    Config,
    ConfigError,
    DecodeError,
    Engine,
    Failures,
    Field,
    Format,
    Part,
    Processor,
    RecordReader,
    RecordWriter,
    Registry,
    build_flow,
    load_registry,
)


class WidthReader(RecordReader):
    def __init__(self, width: int) -> None:
        self._width, self._data = width, b""

    @property
    def pending(self) -> int:
        return len(self._data)

    def feed(self, data: bytes) -> Part:
        self._data += data
        cut = len(self._data) // self._width * self._width
        whole, self._data = self._data[:cut], self._data[cut:]
        return Part([whole[at : at + self._width] for at in range(0, cut, self._width)])

    def end(self, error: DecodeError | None = None) -> Part:
        return Part()


class WidthWriter(RecordWriter):
    def write(self, batch: Batch) -> tuple[bytes, Failures]:
        return b"".join(batch.content), []


class WidthConfig(Config):
    width: int = Field(2, gt=0, description="How wide a record is.")


class Width(Format):
    """Records of one width."""

    type_name = "width"
    suffixes = (".dat",)
    codec = RAW
    config: WidthConfig

    def reader(self) -> RecordReader:
        return WidthReader(self.config.width)

    def writer(self, existing: BinaryIO | None = None) -> RecordWriter:
        return WidthWriter()


class Nothing(Format):
    """Neither read nor written."""

    type_name = "nothing"


class Settings(Config):
    path: str = "x"
    format: Format = Field(None, validate_default=True)
    other: Format | None = None


@pytest.fixture
def registry() -> Registry:
    registry = load_registry()
    registry.format(Width)
    registry.format(Nothing)
    return registry


def read(registry: Registry, **settings: Any) -> Any:
    return Settings.model_validate(settings, context={"registry": registry})


def test_a_format_is_a_name_or_a_mapping(registry: Registry) -> None:
    config = read(registry, format="width", other={"type": "width", "width": 3})
    assert (config.format.config.width, config.other.config.width) == (2, 3)


def test_a_format_that_is_made_already_is_taken(registry: Registry) -> None:
    made = Width()
    assert read(registry, format=made).format is made


def test_without_a_name_the_path_tells(registry: Registry) -> None:
    assert [str(read(registry, path=path).format) for path in ("x.dat", "x.dat.gz", "x")] == [
        "width",
        "width",
        "json_lines",
    ]


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ("widht", "no format 'widht' (did you mean 'width'?); known are avro, csv"),
        ({"type": "width", "widt": 1}, "format 'width': no setting 'widt' (did you mean 'width'?)"),
        ({"type": "width", "width": 0}, "format 'width': 'width': input should be greater than 0, got 0"),
        ({"width": 1}, "a format is a name, or a mapping of 'type' and its settings; got {'width': 1}"),
        (["width"], "a format is a name, or a mapping of 'type' and its settings; got ['width']"),
    ],
)
def test_what_is_no_format_is_told(registry: Registry, given: object, problem: str) -> None:
    with pytest.raises(ValidationError) as caught:
        read(registry, format=given)
    assert problem in str(caught.value)


@pytest.mark.parametrize("kind", ["read_file", "write_file"])
def test_a_format_that_cannot_do_it_is_refused(registry: Registry, kind: str) -> None:
    processor: type[Processor] = registry.processors[kind]
    settings = {"path": "x", "format": "nothing"}
    config = processor.config_class().model_validate(settings, context={"registry": registry, "folder": None})
    verb = {"read_file": "read", "write_file": "written"}[kind]
    assert list(processor.check(config)) == [f"'format': format 'nothing' cannot be {verb}"]


def test_a_format_without_a_reader_says_so() -> None:
    with pytest.raises(ConfigError, match="format 'nothing' cannot be read"):
        Nothing().reader()


async def test_a_format_of_a_plugin_reads_and_writes_files(tmp_path: Path) -> None:
    (tmp_path / "in.dat").write_bytes(b"aabbccd")
    flow = build_flow(
        {
            "flow": "copy",
            "processors": {
                "read": {"type": "read_file", "path": str(tmp_path / "in.dat"), "format": Width(), "to": "write"},
                "write": {"type": "write_file", "path": str(tmp_path / "out.dat"), "format": Width()},
            },
        }
    )
    async with Engine(flow) as engine:
        await engine.run()
    assert (tmp_path / "out.dat").read_bytes() == b"aabbcc"

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from router import Batch, FlowError, ProcessorError
from router.testing import TestRunner

Problems = Callable[..., list[str]]
Values = list[Any]

FLOAT, TEXT, INT64, BOOL = TensorProto.FLOAT, TensorProto.STRING, TensorProto.INT64, TensorProto.BOOL


def save(path: Path, nodes: Sequence[Any], inputs: Sequence[Any], outputs: Sequence[Any], **weights: Any) -> Path:
    """Write a model; ``weights`` become initializers."""
    initializers = [numpy_helper.from_array(np.asarray(value, np.float32), name) for name, value in weights.items()]
    graph = helper.make_graph(nodes, "test", inputs, outputs, initializers)
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", 3)]
    model = helper.make_model(graph, opset_imports=opsets, producer_name="tests", doc_string="A test")
    model.ir_version = 8
    onnx.checker.check_model(model)
    path.write_bytes(model.SerializeToString())
    return path


def tensor(name: str, kind: int, *shape: int | None) -> Any:
    return helper.make_tensor_value_info(name, kind, list(shape))


def identity(path: Path, kind: int, *shape: int | None) -> Path:
    """A model that answers `y` with its input `x`."""
    return save(
        path, [helper.make_node("Identity", ["x"], ["y"])], [tensor("x", kind, *shape)], [tensor("y", kind, *shape)]
    )


@pytest.fixture
def mood(tmp_path: Path) -> Path:
    """Text to number: good 1, bad -1, all else 0."""
    node = helper.make_node(
        "LabelEncoder", ["text"], ["score"], domain="ai.onnx.ml",
        keys_strings=["good", "bad"], values_floats=[1.0, -1.0], default_float=0.0,
    )  # fmt: skip
    return save(tmp_path / "mood.onnx", [node], [tensor("text", TEXT, None)], [tensor("score", FLOAT, None)])


@pytest.fixture
def layers(tmp_path: Path) -> Path:
    """Two numbers to three: a layer with weights 1, 2, 3 for the first and -1 for the second."""
    nodes = [helper.make_node("MatMul", ["x", "w"], ["h"]), helper.make_node("Relu", ["h"], ["y"])]
    weights = [[1, 2, 3], [-1, -1, -1]]
    return save(
        tmp_path / "layers.onnx", nodes, [tensor("x", FLOAT, None, 2)], [tensor("y", FLOAT, None, 3)], w=weights
    )


def classes(path: Path, **labels: Any) -> Path:
    """Three numbers to a label, and to a number for each class, as scikit-learn models are exported."""
    key = TensorProto.STRING if "classlabels_strings" in labels else TensorProto.INT64
    kind = helper.make_map_type_proto(key, helper.make_tensor_type_proto(FLOAT, []))
    nodes = [
        helper.make_node("ArgMax", ["x"], ["label"], axis=1, keepdims=0),
        helper.make_node("ZipMap", ["x"], ["scores"], domain="ai.onnx.ml", **labels),
    ]
    outputs = [tensor("label", INT64, None), helper.make_value_info("scores", helper.make_sequence_type_proto(kind))]
    return save(path, nodes, [tensor("x", FLOAT, None, 3)], outputs)


async def scored(
    model: Path, inputs: dict[str, Any], outputs: dict[str, str], *records: dict[str, Any]
) -> tuple[Values, Values]:
    """The records that were scored, and the messages of those that failed."""
    async with TestRunner("run_model", model=str(model), inputs=inputs, outputs=outputs) as score:
        routes = await score.feed_batch(Batch.of(records))
    good = [row for batch in routes.get("success", []) for row in batch.rows]
    return good, [error["message"] for batch in routes.get("failure", []) for error in batch.columns["error"]]


async def refusal(model: Path, **settings: Any) -> str:
    given = {"inputs": {"x": "x"}, "outputs": {"y": "y"}} | settings
    with pytest.raises((ProcessorError, FlowError)) as caught:
        async with TestRunner("run_model", model=str(model), **given):
            pass
    return str(caught.value)


async def test_text_is_scored(mood: Path) -> None:
    records: Values = [{"text": "good"}, {"text": "bad"}, {"text": "neither"}, {"text": ""}]
    good, _ = await scored(mood, {"text": "text"}, {"mood": "score"}, *records)
    assert [record["mood"] for record in good] == [1.0, -1.0, 0.0, 0.0]


async def test_an_input_may_be_any_expression_and_an_answer_replaces_a_field(mood: Path) -> None:
    good, _ = await scored(mood, {"text": "lower(trim(text))"}, {"text": "score"}, {"text": " GOOD ", "n": 1})
    assert good == [{"text": 1.0, "n": 1}]


@pytest.mark.parametrize("given", [["a", "b"], "[a, b]", "pair"])
async def test_several_numbers_make_one_input(layers: Path, given: Any) -> None:
    record = {"a": 3, "b": 1.5, "pair": [3, 1.5]}
    good, _ = await scored(layers, {"x": given}, {"y": "y"}, record, record)
    assert good == [{**record, "y": [1.5, 4.5, 7.5]}] * 2


async def test_one_element_of_an_answer_is_chosen(layers: Path) -> None:
    good, _ = await scored(layers, {"x": ["a", "b"]}, {"first": "y[0]", "last": "y[2]"}, {"a": 3, "b": 1})
    assert good == [{"a": 3, "b": 1, "first": 2.0, "last": 8.0}]


async def test_a_column_of_one_value_is_a_number(tmp_path: Path) -> None:
    model = identity(tmp_path / "one.onnx", FLOAT, None, 1)
    assert (await scored(model, {"x": "a"}, {"y": "y"}, {"a": 2}, {"a": 0.5}))[0] == [
        {"a": 2, "y": 2.0},
        {"a": 0.5, "y": 0.5},
    ]


async def test_the_classes_of_a_classifier_are_text(tmp_path: Path) -> None:
    model = classes(tmp_path / "c.onnx", classlabels_int64s=[0, 1, 7])
    outputs = {"label": "label", "all": "scores", "seven": "scores[7]"}
    good, _ = await scored(model, {"x": "x"}, outputs, {"x": [0.0, 0.25, 0.75]})
    assert good == [{"x": [0.0, 0.25, 0.75], "label": 2, "all": {"0": 0.0, "1": 0.25, "7": 0.75}, "seven": 0.75}]


async def test_a_class_is_chosen_by_its_name(tmp_path: Path) -> None:
    model = classes(tmp_path / "c.onnx", classlabels_strings=["ham", "spam", "other"])
    assert (await scored(model, {"x": "x"}, {"p": 'scores["spam"]'}, {"x": [0, 1, 0]}))[0] == [
        {"x": [0, 1, 0], "p": 1.0}
    ]


@pytest.mark.parametrize(
    ("kind", "value", "answer"),
    [
        (FLOAT, True, 1.0),
        (FLOAT, 2, 2.0),
        (INT64, 3, 3),
        (INT64, 3.0, 3),
        (INT64, False, 0),
        (BOOL, True, True),
        (TEXT, "ä🙂", "ä🙂"),
        (TensorProto.DOUBLE, 0.1, 0.1),
        (TensorProto.INT32, -5, -5),
        (TensorProto.UINT8, 255, 255),
    ],
)
async def test_a_value_of_its_kind_is_taken(tmp_path: Path, kind: int, value: Any, answer: Any) -> None:
    good, _ = await scored(identity(tmp_path / "i.onnx", kind, None), {"x": "v"}, {"y": "y"}, {"v": value})
    assert (good, type(good[0]["y"])) == ([{"v": value, "y": answer}], type(answer))


@pytest.mark.parametrize(
    ("kind", "value", "message"),
    [
        (FLOAT, None, "'v' is missing; the model's input 'x' takes numbers (float32)"),
        (FLOAT, "1.5", "'v' is '1.5'; the model's input 'x' takes numbers (float32)"),
        (FLOAT, b"1", "'v' is b'1'; the model's input 'x' takes numbers (float32)"),
        (FLOAT, float("nan"), "'v' is not a number (NaN); the model's input 'x' takes numbers (float32)"),
        (FLOAT, 1e300, "'v' is 1e+300, which is out of range; the model's input 'x' takes numbers (float32)"),
        (FLOAT, [1, 2], "'v' has 2 values; the model's input 'x' takes a single value"),
        (FLOAT, {"a": 1}, "'v' is {'a': 1}; the model's input 'x' takes numbers (float32)"),
        (INT64, 1.5, "'v' is 1.5; the model's input 'x' takes numbers (int64)"),
        (INT64, 2**63, f"'v' is {2**63}, which is out of range; the model's input 'x' takes numbers (int64)"),
        (TEXT, None, "'v' is missing; the model's input 'x' takes text"),
        (TEXT, 5, "'v' is 5; the model's input 'x' takes text"),
        (TEXT, b"good", "'v' is b'good'; the model's input 'x' takes text"),
        (BOOL, 1, "'v' is 1; the model's input 'x' takes true or false"),
    ],
)
async def test_a_value_of_another_kind_fails_alone(tmp_path: Path, kind: int, value: Any, message: str) -> None:
    fine: Any = {int(FLOAT): 0.5, int(INT64): 5, int(TEXT): "x", int(BOOL): True}[kind]
    model = identity(tmp_path / "i.onnx", kind, None)
    good, bad = await scored(model, {"x": "v"}, {"y": "y"}, {"v": fine}, {"v": value}, {"v": fine})
    assert (good, bad) == ([{"v": fine, "y": fine}] * 2, [message])


async def test_the_field_that_is_missing_is_named(layers: Path) -> None:
    records: Values = [{"a": 1, "b": None}, {"a": 1}, {"a": "x", "b": 1}, {"a": [1], "b": 1}]
    good, bad = await scored(layers, {"x": ["a", "b"]}, {"y": "y"}, *records)
    assert good == []
    assert [message.partition(";")[0] for message in bad] == [
        "'b' is missing", "'b' is missing", "'a' is 'x'", "'a' is a list",
    ]  # fmt: skip


async def test_a_list_of_another_length_fails_alone(layers: Path) -> None:
    records: Values = [
        {"x": [1, 2]},
        {"x": [1]},
        {"x": [1, 2, 3]},
        {"x": []},
        {"x": [1, None]},
        {"x": 1},
        {"x": [[1, 2]]},
    ]
    good, bad = await scored(layers, {"x": "x"}, {"y": "y[0]"}, *records)
    assert [record["x"] for record in good] == [[1, 2]]
    assert sorted(bad) == [
        "'x' has 1 values; the model's input 'x' takes 2 values",
        "'x' has 1 values; the model's input 'x' takes 2 values",
        "'x' has 1 x 2 values; the model's input 'x' takes 2 values",
        "'x' has 3 values; the model's input 'x' takes 2 values",
        "'x' is empty, or holds lists of different lengths",
        "'x[1]' is missing; the model's input 'x' takes numbers (float32)",
    ]


async def test_an_answer_that_is_no_number_fails_alone(tmp_path: Path) -> None:
    node = helper.make_node("Sqrt", ["x"], ["y"])
    model = save(tmp_path / "root.onnx", [node], [tensor("x", FLOAT, None)], [tensor("y", FLOAT, None)])
    good, bad = await scored(model, {"x": "x"}, {"y": "y"}, {"x": 4}, {"x": -1}, {"x": 9})
    assert (good, bad) == (
        [{"x": 4, "y": 2.0}, {"x": 9, "y": 3.0}],
        ["the model answers 'y' with what is not a number (NaN)"],
    )


async def test_an_image_is_nested_lists(tmp_path: Path) -> None:
    node = helper.make_node("ReduceMean", ["x"], ["y"], axes=[1, 2], keepdims=0)
    model = save(tmp_path / "mean.onnx", [node], [tensor("x", FLOAT, None, 2, 2)], [tensor("y", FLOAT, None)])
    records: Values = [{"x": [[1, 2], [3, 4]]}, {"x": [[1, 2], [3]]}, {"x": [[1, 2, 3]]}, {"x": [[1, 2], [None, 4]]}]
    good, bad = await scored(model, {"x": "x"}, {"y": "y"}, *records)
    assert [record["y"] for record in good] == [2.5]
    assert [message.partition(";")[0] for message in bad] == [
        "'x' is empty, or holds lists of different lengths", "'x[1][0]' is missing", "'x' has 1 x 3 values",
    ]  # fmt: skip


async def test_a_number_within_lists_that_is_out_of_range_fails_alone(tmp_path: Path) -> None:
    model = identity(tmp_path / "bytes.onnx", TensorProto.UINT8, None, 1, 2)
    good, bad = await scored(model, {"x": "x"}, {"y": "y"}, {"x": [[1, 255]]}, {"x": [[1, 300]]}, {"x": [[-1, 2]]})
    assert [record["y"] for record in good] == [[[1, 255]]]
    assert [message.partition(";")[0] for message in bad] == [
        "'x[0][1]' is 300, which is out of range", "'x[0][0]' is -1, which is out of range",
    ]  # fmt: skip


async def test_a_model_for_one_record_at_a_time_is_called_for_each(tmp_path: Path) -> None:
    model = identity(tmp_path / "one.onnx", FLOAT, 1, 2)
    good, _ = await scored(model, {"x": "x"}, {"y": "y"}, {"x": [1, 2]}, {"x": [3, 4]})
    assert [record["y"] for record in good] == [[1.0, 2.0], [3.0, 4.0]]


async def test_what_the_model_itself_refuses_fails_alone(tmp_path: Path) -> None:
    node = helper.make_node("Gather", ["table", "x"], ["y"])
    model = save(tmp_path / "g.onnx", [node], [tensor("x", INT64, None)], [tensor("y", FLOAT, None)], table=[5, 6])
    good, bad = await scored(model, {"x": "x"}, {"y": "y"}, *({"x": number} for number in (0, 9, 1)))
    assert [record["y"] for record in good] == [5.0, 6.0]
    assert len(bad) == 1
    assert bad[0].startswith("the model cannot be run on it: ")


async def test_what_cannot_be_decoded_leaves_by_failure(mood: Path) -> None:
    async with TestRunner("run_model", model=str(mood), inputs={"text": "text"}, outputs={"mood": "score"}) as score:
        routes = await score.feed(b'{"text":"good"}', b"{")
    assert routes == {"success": [{"text": "good", "mood": 1.0}], "failure": [b"{"]}


async def test_what_the_model_is_is_logged_at_the_start(mood: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "router")
    async with TestRunner("run_model", model=str(mood), inputs={"text": "text"}, outputs={"mood": "score"}):
        (record,) = caplog.records
    data = vars(record)["data"]
    assert record.getMessage() == "it: the model is loaded"
    assert (data["inputs"], data["outputs"]) == (["text (text, n)"], ["score (float32, n)"])
    assert data["metadata"] == {"producer": "tests", "description": "A test"}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"no model", "not an ONNX model, or a part of one"),
        (b"", "not an ONNX model, or a part of one"),
        (None, "no such model file"),
    ],
)
async def test_a_file_that_is_no_model_is_refused(tmp_path: Path, content: bytes | None, message: str) -> None:
    path = tmp_path / "m.onnx"
    if content is not None:
        path.write_bytes(content)
    assert f"{path}: {message}" in await refusal(path)


def test_half_a_model_is_refused(mood: Path) -> None:
    mood.write_bytes(mood.read_bytes()[:-20])
    assert "mood.onnx: not an ONNX model, or a part of one" in asyncio.run(refusal(mood))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"inputs": {"txt": "text"}},
            "the model has no input 'txt' (did you mean 'text'?); its inputs are text (text, n)",
        ),
        ({"inputs": {"text": "text", "b": "b"}}, "the model has no input 'b'"),
        (
            {"outputs": {"y": "scores"}},
            "the model has no output 'scores' (did you mean 'score'?); its outputs are score (float32, n)",
        ),
        ({"outputs": {"y": "scores[1]"}}, "the model has no output 'scores' (did you mean 'score'?)"),
        ({"inputs": {"text": ["a", "b"]}}, "the model's input 'text' takes 1 values a record; 'inputs.text' gives 2"),
    ],
)
async def test_a_name_the_model_does_not_have_is_refused(mood: Path, settings: dict[str, Any], message: str) -> None:
    assert message in await refusal(mood, **({"inputs": {"text": "text"}, "outputs": {"y": "score"}} | settings))


async def test_an_input_that_is_not_given_is_named(tmp_path: Path) -> None:
    inputs = [tensor("x", FLOAT, None), tensor("z", FLOAT, None)]
    model = save(tmp_path / "a.onnx", [helper.make_node("Add", ["x", "z"], ["y"])], inputs, [tensor("y", FLOAT, None)])
    assert "the model also needs the input 'z'; add it to 'inputs'" in await refusal(model)


async def test_a_model_for_another_number_of_records_is_refused(tmp_path: Path) -> None:
    model = identity(tmp_path / "eight.onnx", FLOAT, 8, 2)
    assert "it takes exactly 8 records at a time; export it with an open first dimension" in await refusal(model)


async def test_a_locale_the_machine_lacks_is_explained(tmp_path: Path) -> None:
    node = helper.make_node("StringNormalizer", ["x"], ["y"], case_change_action="LOWER", locale="xx_YY.UTF-8")
    model = save(tmp_path / "n.onnx", [node], [tensor("x", TEXT, None)], [tensor("y", TEXT, None)])
    found = await refusal(model)
    assert "the locale 'xx_YY.UTF-8', which this machine lacks; generate it (Debian: locale-gen xx_YY.UTF-8)" in found


@pytest.mark.parametrize(("element", "shown"), [("3", "3"), ('"spam"', "'spam'")])
async def test_an_element_that_an_answer_does_not_have_is_refused(layers: Path, element: str, shown: str) -> None:
    found = await refusal(layers, inputs={"x": ["a", "b"]}, outputs={"y": f"y[{element}]"})
    assert f"the model's output 'y' has elements 0 to 2; got {shown}" in found


async def test_a_class_that_a_model_does_not_know_is_named(tmp_path: Path) -> None:
    model = classes(tmp_path / "c.onnx", classlabels_strings=["ham", "spam", "other"])
    _, bad = await scored(model, {"x": "x"}, {"p": 'scores["spm"]'}, {"x": [0, 1, 0]})
    assert bad == ["the model's output 'scores' has no class 'spm'; its classes are ham, other, spam"]


def test_a_file_no_runtime_knows_is_refused(problems: Problems) -> None:
    (found,) = problems("run_model", model="m.pickle", inputs={"x": "x"}, outputs={"y": "y"})
    assert "no model runtime for 'm.pickle': name one, or use a file that ends in" in found


def test_a_runtime_that_is_unknown_is_refused_with_the_nearest(problems: Problems) -> None:
    (found,) = problems("run_model", model="m.bin", runtime="onx", inputs={"x": "x"}, outputs={"y": "y"})
    assert "no model runtime 'onx' (did you mean 'onnx'?)" in found


def test_a_setting_of_the_runtime_is_checked(problems: Problems) -> None:
    runtime = {"type": "onnx", "thread": 2}
    (found,) = problems("run_model", model="m.onnx", runtime=runtime, inputs={"x": "x"}, outputs={"y": "y"})
    assert "model runtime 'onnx': no setting 'thread' (did you mean 'threads'?)" in found


def test_settings_that_are_right_have_no_problems(problems: Problems) -> None:
    runtime = {"type": "onnx", "threads": 2}
    assert problems("run_model", model="m.onnx", runtime=runtime, inputs={"x": ["a", 1]}, outputs={"y": "y"}) == []


def test_an_answer_goes_into_a_field(problems: Problems) -> None:
    (found,) = problems("run_model", model="m.onnx", inputs={"x": "x"}, outputs={"meta.key": "y"})
    assert found == "'outputs': an answer goes into a field, such as 'score'; got 'meta.key'"

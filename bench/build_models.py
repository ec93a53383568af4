"""Builds the models that are measured: weights at random, costs as in life; 20 numbers in, 3 classes out."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from bench.models import LARGE, MODELS, path_of
from bench.posts import DATA, FEATURES

CLASSES = 3
ROUNDS, DEPTH = 50, 3


def _logistic() -> Any:
    random = np.random.default_rng(1)
    node = helper.make_node(
        "LinearClassifier", ["x"], ["label", "p"], domain="ai.onnx.ml", post_transform="SOFTMAX",
        coefficients=random.normal(size=CLASSES * FEATURES).tolist(),
        intercepts=random.normal(size=CLASSES).tolist(), classlabels_ints=list(range(CLASSES)),
    )  # fmt: skip
    return _model([node])


def _boosting() -> Any:
    """Complete trees, one for each class and round, split at thresholds drawn like the data."""
    random = np.random.default_rng(2)
    inner, leaves = 2**DEPTH - 1, 2**DEPTH
    trees, nodes, count = CLASSES * ROUNDS, 2**DEPTH - 1 + 2**DEPTH, CLASSES * ROUNDS * leaves
    positions = list(range(nodes))
    splits = random.normal(size=(trees, inner)).round(4)
    features = random.integers(0, FEATURES, size=(trees, inner))
    node = helper.make_node(
        "TreeEnsembleClassifier", ["x"], ["label", "p"], domain="ai.onnx.ml", post_transform="SOFTMAX",
        nodes_treeids=np.repeat(range(trees), nodes).tolist(), nodes_nodeids=positions * trees,
        nodes_modes=(["BRANCH_LEQ"] * inner + ["LEAF"] * leaves) * trees,
        nodes_featureids=np.hstack([features, np.zeros((trees, leaves), int)]).ravel().tolist(),
        nodes_values=np.hstack([splits, np.zeros((trees, leaves))]).ravel().tolist(),
        nodes_truenodeids=[2 * at + 1 if at < inner else 0 for at in positions] * trees,
        nodes_falsenodeids=[2 * at + 2 if at < inner else 0 for at in positions] * trees,
        nodes_missing_value_tracks_true=[0] * nodes * trees, nodes_hitrates=[1.0] * nodes * trees,
        class_treeids=np.repeat(range(trees), leaves).tolist(),
        class_nodeids=list(range(inner, nodes)) * trees,
        class_ids=np.repeat([tree % CLASSES for tree in range(trees)], leaves).tolist(),
        class_weights=(random.normal(size=count) * 0.1).tolist(), classlabels_int64s=list(range(CLASSES)),
    )  # fmt: skip
    return _model([node])


def _mlp(width: int) -> Any:
    random = np.random.default_rng(3)
    sides = [FEATURES, width, width, CLASSES]
    weights, nodes, last = [], [], "x"
    for number, (before, after) in enumerate(pairwise(sides)):
        matrix = (random.normal(size=(before, after)) / before**0.5).astype(np.float32)
        weights += [
            numpy_helper.from_array(matrix, f"w{number}"),
            numpy_helper.from_array(np.zeros(after, np.float32), f"b{number}"),
        ]
        nodes.append(helper.make_node("Gemm", [last, f"w{number}", f"b{number}"], [f"g{number}"]))
        last = f"g{number}"
        if after != CLASSES:
            nodes.append(helper.make_node("Relu", [last], [f"h{number}"]))
            last = f"h{number}"
    nodes += [
        helper.make_node("Softmax", [last], ["p"], axis=1),
        helper.make_node("ArgMax", ["p"], ["label"], axis=1, keepdims=0),
    ]
    return _model(nodes, weights)


def _model(nodes: list[Any], weights: list[Any] | None = None) -> Any:
    inputs = [helper.make_tensor_value_info("x", TensorProto.FLOAT, [None, FEATURES])]
    outputs = [
        helper.make_tensor_value_info("label", TensorProto.INT64, [None]),
        helper.make_tensor_value_info("p", TensorProto.FLOAT, [None, CLASSES]),
    ]
    graph = helper.make_graph(nodes, "bench", inputs, outputs, weights or [])
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", 3)]
    made = helper.make_model(graph, opset_imports=opsets, producer_name="bench")
    made.ir_version = 8
    onnx.checker.check_model(made)
    return made


def main() -> None:
    """Build all of them."""
    DATA.mkdir(exist_ok=True)
    makers: dict[str, Callable[[], Any]] = {
        "logistic": _logistic,
        "boosting": _boosting,
        "mlp": lambda: _mlp(256),
        LARGE: lambda: _mlp(1024),
    }
    for name in (*MODELS, LARGE):
        path_of(name).write_bytes(makers[name]().SerializeToString())


if __name__ == "__main__":
    main()

"""Names the models that are measured, and has them built; light, so that who measures memory stays small."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from bench.posts import DATA

MODELS = ("logistic", "boosting", "mlp")
LARGE = "large"  # not among the workloads: costs more than 5 us a record, for the model step alone


def path_of(name: str) -> Path:
    """Where a model is, or will be."""
    return DATA / f"{name}.onnx"


def model_path(name: str) -> Path:
    """The file of a model; all are made where it is missing."""
    if not path_of(name).exists():
        subprocess.run([sys.executable, "-m", "bench.build_models"], cwd=Path(__file__).parents[1], check=True)
    return path_of(name)

"""Settings of all tests: no windows, no GPU profile, real MNIST where it is prepared."""

import os
from pathlib import Path

import matplotlib
import pytest

matplotlib.use("Agg")
os.environ["COURSEKIT_PROFILE"] = "quick"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")


@pytest.fixture(scope="session")
def prepared_mnist() -> Path:
    """The folder of a prepared MNIST; the test is skipped where there is none."""
    root = Path(__file__).parents[1]
    places = [os.environ.get("TFDS_DATA_DIR"), root.parent / "shared" / "tensorflow_datasets", root / "data"]
    for place in filter(None, places):
        if (Path(place) / "mnist" / "3.0.1" / "dataset_info.json").exists():
            return Path(place) / "mnist" / "3.0.1"
    pytest.skip("MNIST is not prepared on this machine")

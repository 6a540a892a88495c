"""Places to look for data in that hold nothing, and the real photographs where they are prepared."""

import os
from pathlib import Path

import pytest

from coursekit.data import folders, network


@pytest.fixture
def empty_place(tmp_path, monkeypatch):
    """No TFDS_DATA_DIR, no choice of a source, no network, and an empty place to prepare data in."""
    for name in ("TFDS_DATA_DIR", "COURSEKIT_DIGITS", "COURSEKIT_PHOTOS", "COURSEKIT_CHARACTERS"):
        monkeypatch.delenv(name, raising=False)
    place = tmp_path / "data"
    monkeypatch.setattr(folders, "places", lambda: [("data/", place)])
    monkeypatch.setattr(network, "trouble", lambda address: "there is no internet connection")
    return place


@pytest.fixture(scope="session")
def prepared_pets() -> Path:
    """The folder of a prepared Oxford-IIIT Pet; the test is skipped where there is none."""
    root = Path(__file__).parents[2]
    places = [os.environ.get("TFDS_DATA_DIR"), root.parent / "shared" / "tensorflow_datasets", root / "data"]
    for place in filter(None, places):
        if (Path(place) / "oxford_iiit_pet" / "4.0.0" / "dataset_info.json").exists():
            return Path(place) / "oxford_iiit_pet" / "4.0.0"
    pytest.skip("Oxford-IIIT Pet is not prepared on this machine")

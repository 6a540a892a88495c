"""Every deck as it is shown at 1280 x 720 in headless Chromium: nothing overflows, nothing is too small to read."""

import importlib
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


@pytest.fixture(scope="module")
def tools():
    sys.path.insert(0, str(ROOT / "tools"))
    yield {name: importlib.import_module(name) for name in ("browser", "build_course", "check_slides")}
    sys.path.remove(str(ROOT / "tools"))


@pytest.fixture(scope="module")
def tab(tools):
    if tools["browser"].chromium() is None:
        pytest.skip("Chromium is not on the PATH (on Debian: apt install chromium)")
    with tools["browser"].Browser(1280, 720, patience=120) as tab:
        yield tab


@pytest.fixture(scope="module")
def build(tools, tmp_path_factory):
    """A folder build/ with what every deck loads."""
    before = tools["build_course"].BUILD
    tools["build_course"].BUILD = tmp_path_factory.mktemp("build")
    tools["build_course"].copy_assets()
    yield tools["build_course"].BUILD
    tools["build_course"].BUILD = before


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_deck_can_be_read_from_the_last_row(tools, tab, build, path):
    tools["build_course"].render(path, kinds=["slides"])
    deck = tools["check_slides"].measure(tab, build / "slides" / f"{path.stem}.html")
    assert len(deck.slides) > 5
    assert deck.faults() == []

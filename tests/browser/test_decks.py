"""Every deck as it is shown at 1280 x 720 in headless Chromium: nothing overflows, nothing is too small to read."""

from pathlib import Path

import pytest

NOTEBOOKS = sorted((Path(__file__).parents[2] / "notebooks").glob("*.ipynb"))


@pytest.fixture(scope="module")
def slides(tools, tmp_path_factory):
    """The folder where decks are rendered, beside what they load."""
    build_course, folder = tools["build_course"], tmp_path_factory.mktemp("build")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(build_course, "BUILD", folder)
        patch.setattr(build_course, "EXPORTERS", {"slides": build_course.EXPORTERS["slides"]})
        build_course.copy_assets()
        yield folder / "slides"


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_deck_can_be_read_from_the_last_row(tools, browser, slides, path):
    tools["build_course"].render(path)
    deck = tools["check_slides"].measure(browser, slides / f"{path.stem}.html")
    assert len(deck.slides) > 5
    assert deck.faults() == []

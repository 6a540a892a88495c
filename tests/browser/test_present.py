"""A notebook presented live with `make present`: its cells run on the slides. It fails if a release breaks that."""

import shutil
import time
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

ROOT = Path(__file__).parents[2]
SLIDE = 'document.querySelector("section.present section.present")'
SLIDER = """from coursekit import plotting
plotting.sliders(lambda w: plotting.curves([0, 1], {"line": [0, w]}, xlabel="x", alt="A line."), w=(0.0, 2.0, 0.0))"""
CELLS = [
    ("slide", new_markdown_cell("# A deck\n\nOne **formula**: $x^2$")),
    ("skip", new_code_cell("start = 38")),
    ("skip", new_code_cell("start += 2", metadata={"jupyter": {"source_hidden": True}})),
    ("skip", new_code_cell("step = 2")),
    ("slide", new_markdown_cell("## Computed here")),
    ("-", new_code_cell('print("the answer is", start + step, *range(31), sep="\\n")')),
    ("notes", new_markdown_cell("<details><summary>Notes</summary>\n\nFor the lecturer **alone**: $y$\n\n</details>")),
    ("subslide", new_markdown_cell("## Without its code")),
    ("-", new_code_cell('print("hidden", "code")', metadata={"jupyter": {"source_hidden": True}})),
    ("slide", new_markdown_cell("## To play with")),
    ("-", new_code_cell(SLIDER)),
]

pytest.importorskip("jupyterlab_rise", reason="jupyterlab-rise is not installed; the extra `lab` has it")


@pytest.fixture
def notebook(lab):
    for kind, cell in CELLS:
        cell.metadata["slideshow"] = {"slide_type": kind}
    cells = [cell for _, cell in CELLS]
    cells[8].outputs = [new_output("stream", name="stdout", text="as stored\n")]
    notebook = new_notebook(cells=cells, metadata={"kernelspec": {"name": "python3", "display_name": "Python 3"}})
    nbformat.write(notebook, lab.folder / "04_backpropagation.ipynb")
    shutil.copy(ROOT / "notebooks" / "rise.css", lab.folder)


def text(browser):
    """What can be read on the slide."""
    return browser.evaluate(f"{SLIDE}.innerText")


def next_slide(browser, title):
    """Go on, until the code of the next slide is selected."""
    browser.press("PageDown")
    browser.wait_for(f"{SLIDE}.innerText.startsWith('{title}')")
    browser.wait_for(f"{SLIDE}.querySelector('.jp-CodeCell.jp-mod-active')")


def present(browser, lab):
    """Open the deck."""
    browser.wait(lambda: lab.ask("/api"))
    browser.open(lab.address)  # which leads to the deck
    browser.wait_for(f"{SLIDE}.querySelector('.jp-RenderedMarkdown strong')")


@pytest.mark.parametrize("lab", [["--present", "04"]], indirect=True)
def test_cells_run_on_their_slides(browser, lab, notebook, tmp_path):
    present(browser, lab)
    assert browser.evaluate("location.pathname") == "/rise/04_backpropagation.ipynb"
    browser.wait_for(f"{SLIDE}.querySelector('mjx-container')")
    browser.wait_for(f"getComputedStyle({SLIDE}.querySelector('p')).fontSize == '23px'")  # as on the decks
    assert browser.evaluate(f"{SLIDE}.offsetWidth") == 1280
    assert browser.evaluate("document.querySelectorAll('.slides > section').length") == 3
    assert "# A deck" not in text(browser)
    browser.wait(lambda: [kernel["execution_state"] for kernel in lab.ask("/api/kernels") or []] == ["idle"])

    for _ in range(5):  # the opening; the skipped cells, which have to run all the same; the last of the slide again
        browser.press("Enter", shift=True)
    next_slide(browser, "Computed here")
    browser.press("Enter", shift=True)
    browser.wait_for(f"{SLIDE}.innerText.includes('the answer is\\n42')")
    browser.wait_for(f"{SLIDE}.scrollHeight <= {SLIDE}.clientHeight")  # made smaller until it fits
    assert 0.7 < browser.evaluate(f"Number({SLIDE}.style.getPropertyValue('--zoom'))") < 1
    browser.picture(tmp_path / "computed.png")
    for unwanted in ("lecturer", "Click to add a cell"):
        assert unwanted not in text(browser)

    next_slide(browser, "Without its code")
    assert "as stored" in text(browser)
    browser.press("Enter", shift=True)
    browser.wait_for(f"{SLIDE}.innerText.includes('hidden code')")
    browser.picture(tmp_path / "hidden.png")
    assert "print" not in text(browser)

    next_slide(browser, "To play with")
    browser.press("Enter", shift=True)
    before = browser.wait_for(f"{SLIDE}.querySelector('.jupyter-widgets img').src")
    browser.click("section.present .widget-slider .noUi-base")  # the middle of the slider
    browser.wait_for(f"{SLIDE}.querySelector('.widget-readout').textContent == '1.00'")
    browser.wait_for(f"{SLIDE}.querySelector('.jupyter-widgets img').src != {before!r}")
    browser.picture(tmp_path / "slider.png")
    assert browser.evaluate("document.querySelectorAll('.jp-Cell').length") == len(CELLS)  # nothing was added


@pytest.mark.parametrize("lab", [["--present", "04"]], indirect=True)
def test_the_speakers_window_has_the_notes_alone_and_their_formulas(browser, lab, notebook):
    present(browser, lab)
    browser.wait_for("document.querySelector('aside.notes mjx-c')")

    def in_the_deck():
        browser.click("section.present section.present .jp-RenderedMarkdown")
        return browser.evaluate("!!document.activeElement.closest('.reveal .jp-mod-commandMode')")

    browser.wait(in_the_deck)  # there T is a command
    browser.evaluate("(() => { const open = window.open; window.open = (...a) => (window.speaker = open(...a)) })()")
    browser.press("t")
    browser.wait_for("window.speaker?.frames.length == 2")  # this slide and the next one
    browser.wait_for("Array.from(speaker.frames).every((f) => f.document.querySelector('aside.notes'))")

    notes = "speaker.document.querySelector('.speaker-controls-notes:not(.hidden) .value')"

    def written():
        browser.press("Home")  # to which the speaker's window leads, when it is ready
        browser.press("PageDown")
        time.sleep(1)
        return browser.evaluate(f"{notes}?.innerText")

    assert " ".join(browser.wait(written).split()) == "For the lecturer alone:"  # no source, nothing folded
    formula = f"speaker.getComputedStyle({notes}.querySelector('mjx-c'), '::before').content"
    assert browser.evaluate(formula) == '"y"'

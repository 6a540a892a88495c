"""JupyterLab as a student has it, in headless Chromium: the course's sliders move, and the pictures with them."""

from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

NOTEBOOKS = {path.stem[:2]: path for path in (Path(__file__).parents[2] / "notebooks").glob("*.ipynb")}
PICTURE = 'document.querySelector(".jupyter-widgets img")'
OUTPUT = 'document.querySelector(".jp-OutputArea")'
STOP_KERNELS = """(async () => {
  const headers = { "X-XSRFToken": document.cookie.match(/_xsrf=([^;]*)/)[1] };
  for (const { id } of await (await fetch("/api/sessions")).json())
    await fetch(`/api/sessions/${id}`, { method: "DELETE", headers });
})()"""
UNTRAINED = """import numpy as np
import coursekit
from coursekit import plotting
run = coursekit.start(seed=1)
from coursekit.generative import *
"""
# What the cell with the sliders uses: lines of ours, and the notebook's own cells by a line of theirs.
BEFORE = {
    "01": ("import numpy as np\nfrom coursekit import plotting, scratch", ()),
    "02": ("import numpy as np\nfrom coursekit import plotting, scratch", ()),
    "05": ("import numpy as np\nfrom coursekit import plotting", ("def bowl",)),
    "08": (
        "import numpy as np\nfrom sklearn.datasets import load_sample_image\nfrom coursekit import plotting",
        ("def slide(", "def draw(", "grey = colour"),
    ),
    "17": (
        UNTRAINED
        + "means, test_labels = np.eye(2), np.arange(2)\n"
        + "encoder = dense_encoder((28, 28, 1), 4, (8,))\n"
        + "model = VariationalAutoencoder(encoder, dense_decoder((28, 28, 1), 2, (8,), output_activation=None))",
        (),
    ),
    "19": (
        UNTRAINED
        + "infogan = InfoGAN(convolutional_generator((28, 28, 1), 74, (4, 8), 16),\n"
        + "    convolutional_discriminator((28, 28, 1), (8, 4), 16, code_outputs=14), categories=10, continuous=2)",
        (),
    ),
}


def interactive(number):
    """The cell with sliders of a notebook, and in it all that it needs."""
    ours, theirs = BEFORE[number]
    code = [cell.source for cell in nbformat.read(NOTEBOOKS[number], as_version=4).cells if cell.cell_type == "code"]
    sources = [ours]
    for line in (*theirs, "plotting.sliders("):
        sources += [source for source in code if line in source]
    return new_notebook(
        cells=[new_code_cell("\n\n".join(sources))],
        metadata={"kernelspec": {"name": "python3", "display_name": "Python 3"}},
    )


def has_run(browser):
    """Press Shift+Enter in the first cell; whether it runs. It does not while the kernel is starting."""
    browser.click(".jp-Notebook .cm-content")
    browser.press("Enter", shift=True)
    return browser.evaluate('document.querySelector(".jp-CodeCell .jp-InputPrompt").textContent.trim()') != "[ ]:"


@pytest.fixture
def opened(browser, lab):
    """Opens a notebook in the one JupyterLab, as if it had just been started, and leaves no kernel behind."""

    def open_it(notebook, name):
        nbformat.write(notebook, lab.folder / name)
        browser.wait(lambda: lab.ask("/api"))
        browser.open(f"{lab.address}/lab/tree/{name}?reset")
        browser.wait(lambda: [kernel["execution_state"] for kernel in lab.ask("/api/kernels") or []] == ["idle"])

    yield open_it
    browser.evaluate(STOP_KERNELS)
    browser.wait(lambda: lab.ask("/api/kernels") == [])


def test_every_notebook_with_sliders_is_tried():
    assert [
        number for number, path in sorted(NOTEBOOKS.items()) if "plotting.sliders(" in path.read_text(encoding="utf-8")
    ] == [*BEFORE]


@pytest.mark.parametrize("number", BEFORE)
def test_a_slider_moves_the_picture(browser, opened, tmp_path, number):
    opened(interactive(number), f"slider_{number}.ipynb")
    browser.wait(lambda: has_run(browser))
    browser.wait_for(PICTURE)
    browser.picture(tmp_path / "before.png")
    assert browser.evaluate(f"{PICTURE}.getBoundingClientRect().right <= {OUTPUT}.getBoundingClientRect().right")
    before = browser.evaluate(f"{PICTURE}.src")
    start = browser.evaluate('document.querySelector(".widget-readout").textContent')
    browser.click(".widget-slider .noUi-handle")
    for _ in range(5):
        browser.press("ArrowRight")
    browser.wait_for(f"{PICTURE}.src != {before!r}")
    browser.wait_for(f'document.querySelector(".widget-readout").textContent != {start!r}')
    browser.picture(tmp_path / "after.png")
    assert len(browser.evaluate(f"{PICTURE}.alt")) > 20
    assert "Jupyter news" not in browser.evaluate("document.body.innerText")  # no question at the start

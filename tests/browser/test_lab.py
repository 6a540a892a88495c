"""JupyterLab as a student has it, in headless Chromium: a slider moves, and the picture with it."""

import time

import nbformat
from nbformat.v4 import new_code_cell, new_notebook

CELL = """import numpy as np
from coursekit import plotting

def draw(w):
    x = np.linspace(-1, 1, 5)
    return plotting.curves(x, {"line": w * x}, xlabel="x", alt="A line.")
plotting.sliders(draw, w=(-2.0, 2.0, 1.0))"""
PICTURE = 'document.querySelector(".jupyter-widgets img")'


def has_run(browser):
    """Press Shift+Enter in the first cell; whether it runs. It does not while the kernel is starting."""
    browser.click(".jp-Notebook .cm-content")
    browser.press("Enter", shift=True)
    time.sleep(2)
    return browser.evaluate('document.querySelector(".jp-CodeCell .jp-InputPrompt").textContent.trim()') != "[ ]:"


def test_a_slider_moves_the_picture(browser, lab, tmp_path):
    notebook = new_notebook(cells=[new_code_cell(CELL)])
    notebook.metadata.kernelspec = {"name": "python3", "display_name": "Python 3"}
    nbformat.write(notebook, tmp_path / "slider.ipynb")
    browser.wait(lambda: lab.ask("/api"))
    browser.open(f"{lab.address}/lab/tree/slider.ipynb")
    browser.wait(lambda: has_run(browser))
    browser.wait_for(PICTURE)
    browser.picture(tmp_path / "before.png")
    before = browser.evaluate(f"{PICTURE}.src")
    browser.click(".widget-slider .noUi-handle")
    for _ in range(5):
        browser.press("ArrowLeft")
    browser.wait_for(f"{PICTURE}.src != {before!r}")
    browser.wait_for('document.querySelector(".widget-readout").textContent == "0.50"')
    browser.picture(tmp_path / "after.png")
    assert browser.evaluate(f"{PICTURE}.alt") == "A line."
    assert "Jupyter news" not in browser.evaluate("document.body.innerText")  # no question at the start

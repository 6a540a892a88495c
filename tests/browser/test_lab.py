"""JupyterLab as a student has it, in headless Chromium: a slider moves, and the picture with it."""

import importlib
import os
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

ROOT = Path(__file__).parents[2]
CELL = """import numpy as np
from coursekit import plotting

def draw(w):
    x = np.linspace(-1, 1, 5)
    return plotting.curves(x, {"line": w * x}, xlabel="x", alt="A line.")
plotting.sliders(draw, w=(-2.0, 2.0, 1.0))"""
PICTURE = 'document.querySelector(".jupyter-widgets img")'


@pytest.fixture
def browser(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "tools"))
    module = importlib.import_module("browser")
    if module.chromium() is None:
        pytest.skip("Chromium is not on the PATH")
    with module.Browser(1280, 800, patience=120) as browser:
        yield browser


@pytest.fixture
def lab(tmp_path):
    """The address of a JupyterLab that serves tmp_path, with the settings of `make lab`."""
    pytest.importorskip("jupyterlab", reason="the extra lab is not installed")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    own = {f"JUPYTER_{kind}_DIR": str(tmp_path / kind.lower()) for kind in ("CONFIG", "DATA", "RUNTIME")}
    environment = os.environ | own | {"PYTHONPATH": str(ROOT), "COURSEKIT_SLIDERS": "on"}
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", f"--port={port}"]
    options = ["--ServerApp.token=", "--ServerApp.port_retries=0", f"--ServerApp.root_dir={tmp_path}"]
    with open(tmp_path / "log", "w", encoding="utf-8") as log:
        server = subprocess.Popen([*command, *options], env=environment, stdout=log, stderr=log)
    try:
        yield f"http://127.0.0.1:{port}/lab"
    finally:
        server.terminate()
        server.wait(30)


def answers(address):
    try:
        with urllib.request.urlopen(address) as page:
            return page.status == 200
    except OSError:
        return False


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
    browser.wait(lambda: answers(lab))
    browser.open(f"{lab}/tree/slider.ipynb")
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

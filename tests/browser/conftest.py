"""A headless Chromium and a JupyterLab with the settings that the course ships."""

import importlib
import json
import os
import socket
import subprocess
import sys
import urllib.request
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def tools():
    """The modules of tools/, by name."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(ROOT / "tools"))
        yield {name: importlib.import_module(name) for name in ("browser", "build_course", "check_slides")}


@pytest.fixture(scope="module")
def browser(tools):
    """One tab for all tests of a file."""
    module = tools["browser"]
    if module.chromium() is None:
        pytest.skip("Chromium is not on the PATH (on Debian: apt install chromium)")
    with module.Browser(1280, 720, patience=120) as browser:
        yield browser


@pytest.fixture(scope="session")
def pages(tools, tmp_path_factory):
    """The folder of every notebook's page, rendered from the stored outputs; the contents lie above it."""
    build_course, folder = tools["build_course"], tmp_path_factory.mktemp("course") / "build"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(build_course, "BUILD", folder)
        patch.setattr(build_course, "ROOT", folder.parent)
        patch.setattr(build_course, "EXPORTERS", {"pages": build_course.EXPORTERS["pages"]})
        assert build_course.build(build_course.chosen([]), run=False, store=False, at_once=1) == 0
    return folder / "pages"


@dataclass
class Lab:
    """A JupyterLab that was started with `tools/lab.py`, and the folder that it serves."""

    address: str
    folder: Path

    def ask(self, path: str):
        """What the server answers in JSON; None while it does not."""
        try:
            with urllib.request.urlopen(self.address + path) as answer:
                return json.load(answer)
        except OSError:
            return None


@pytest.fixture(scope="module")
def lab(request, tmp_path_factory):
    """One JupyterLab for all tests of a file; a parameter of the test are further options of `tools/lab.py`."""
    pytest.importorskip("jupyterlab", reason="the extra lab is not installed")
    folder = tmp_path_factory.mktemp("lab")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    own = {f"JUPYTER_{kind}_DIR": str(folder / kind.lower()) for kind in ("CONFIG", "DATA", "RUNTIME")}
    environment = os.environ | own | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, ROOT / "tools" / "lab.py", *getattr(request, "param", [])]
    options = ["--no-browser", "--allow-root", f"--port={port}", "--ServerApp.port_retries=0"]
    options += ["--IdentityProvider.token=", f"--ServerApp.root_dir={folder}"]
    with open(folder / "log", "w", encoding="utf-8") as log:
        server = subprocess.Popen([*command, *options], env=environment, stdout=log, stderr=log)
    try:
        yield Lab(f"http://127.0.0.1:{port}", folder)
    finally:
        server.terminate()
        server.wait(30)

"""Settings of all tests: no windows, no GPU profile, real MNIST where it is prepared."""

import os
import subprocess
import sys
from pathlib import Path

import jupyter_client
import matplotlib
import nbclient
import nbformat
import pytest

matplotlib.use("Agg")
os.environ["COURSEKIT_PROFILE"] = "quick"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")


# What takes longest, longest first. The tests of a file run in one process: a long file that began last would keep one
# core busy and leave the others idle. The Makefile's --no-loadscope-reorder keeps this order.
LONG = [
    "test_environment.py",
    "test_every_exercise.py",
    "test_site.py",
    "test_backends.py",
    "test_lab.py",
    "test_course_pages.py",
    "test_faults.py",
    "test_decks.py",
    "test_gan.py",
    "test_flow.py",
    "test_safely.py",
    "test_architectures.py",
    "test_resume.py",
    "test_digits.py",
    "test_launcher.py",
    "test_nbgrader.py",
    "test_pages.py",
    "test_characters.py",
    "test_weights.py",
    "test_stroke_digits.py",
    "test_nbval_net.py",
    "test_tools.py",
    "test_vae.py",
    "test_live.py",
]


def pytest_collection_modifyitems(items):
    """Begin with what takes longest."""
    place = {name: number for number, name in enumerate(LONG)}
    items.sort(key=lambda item: place.get(item.path.name, len(LONG)))


@pytest.fixture(scope="session")
def prepared_mnist() -> Path:
    """The folder of a prepared MNIST; the test is skipped where there is none."""
    root = Path(__file__).parents[1]
    places = [os.environ.get("TFDS_DATA_DIR"), root.parent / "shared" / "tensorflow_datasets", root / "data"]
    for place in filter(None, places):
        if (Path(place) / "mnist" / "3.0.1" / "dataset_info.json").exists():
            return Path(place) / "mnist" / "3.0.1"
    pytest.skip("MNIST is not prepared on this machine")


class Recorded(nbclient.NotebookClient):
    """Runs a notebook and keeps each cell's displays as they came, before their updates."""

    def process_message(self, msg, cell, cell_index):
        if msg["msg_type"] in ("display_data", "update_display_data"):
            cell.setdefault("displays", []).append(msg["content"]["data"])
        return super().process_message(msg, cell, cell_index)


@pytest.fixture
def executed():
    """A function that runs cells in a kernel of this Python, on after errors, and returns them."""

    def run(*cells):
        book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
        manager = jupyter_client.AsyncKernelManager()
        manager.kernel_spec.argv = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        environment = {key: value for key, value in os.environ.items() if key != "MPLBACKEND"}
        Recorded(book, km=manager, allow_errors=True, timeout=120).execute(env=environment)
        return book.cells

    return run


@pytest.fixture(scope="session")
def run_python():
    """A function that runs code in a fresh Python, under more of an environment, and returns what it said."""

    def run(code: str, *, succeed: bool = True, cwd: Path | None = None, **environment: str):
        environment = os.environ | {"PYTHONIOENCODING": "utf-8"} | environment
        done = subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            text=True,
            env=environment,
            cwd=cwd,
            encoding=environment["PYTHONIOENCODING"],
        )
        assert not succeed or done.returncode == 0, done.stderr
        return done

    return run

"""The notebook check catches what it is there to catch: a copy of a notebook, broken on purpose."""

import re
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import nbformat
import pytest

HERE = Path(__file__).parent
NOTEBOOK = HERE.parents[1] / "notebooks" / "02_multilayer_perceptron.ipynb"


def changed_number(notebook):
    """A stored number that no machine should change: the check sees another one."""
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            if "109386 = 109386" in output.get("text", ""):
                output.text = output.text.replace("109386 = 109386", "109387 = 109387", 1)
                return


def failing_claim(notebook):
    """A bound that the measured value does not meet."""
    cell = next(cell for cell in notebook.cells if "at_most=1e-12" in cell.source)
    cell.source = cell.source.replace("at_most=1e-12", "at_most=-1")


def looser_bound(notebook):
    """A bound changed in the source alone: the stored text says another one."""
    cell = next(cell for cell in notebook.cells if "at_least=0.24" in cell.source)
    cell.source = cell.source.replace("at_least=0.24", "at_least=0.14")


def exception(notebook):
    """A cell that raises."""
    cell = next(cell for cell in notebook.cells if "parameters by the formula" in cell.source)
    cell.source = "raise RuntimeError('broken on purpose')\n" + cell.source


BREAKS = [changed_number, failing_claim, looser_bound, exception]


@pytest.fixture(scope="module")
def failures(tmp_path_factory):
    """The number of failing cells of the sound copy and of each broken one."""
    folder = tmp_path_factory.mktemp("broken")
    for break_it in [None, *BREAKS]:
        notebook = nbformat.read(NOTEBOOK, as_version=4)
        if break_it:
            sound = nbformat.writes(notebook)
            break_it(notebook)
            assert nbformat.writes(notebook) != sound
        nbformat.write(notebook, folder / f"{break_it.__name__ if break_it else 'sound'}.ipynb")
    report = folder / "report.xml"
    subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "--nbval",
            "--nbval-current-env",
            "-p",
            "no:cacheprovider",
            "-q",
            "-c",
            HERE.parents[1] / "pyproject.toml",
            "--rootdir",
            folder,
            "--junitxml",
            report,
            "--nbval-sanitize-with",
            HERE / "sanitize.cfg",
            *sorted(folder.glob("*.ipynb")),
        ],
        capture_output=True,
        check=False,
    )
    counts: dict[str, int] = {}
    for case in ElementTree.parse(report).iter("testcase"):
        name = re.search(r"(\w+)(?:\.ipynb)?(?:::|$)", case.get("classname")).group(1)
        failed = case.find("failure") is not None or case.find("error") is not None
        counts[name] = counts.get(name, 0) + failed
    return counts


def test_a_sound_notebook_passes(failures):
    assert failures["sound"] == 0


@pytest.mark.parametrize("break_it", BREAKS, ids=lambda function: function.__name__)
def test_a_broken_notebook_fails(failures, break_it):
    assert failures[break_it.__name__] >= 1

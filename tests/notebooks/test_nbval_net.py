"""The notebook check catches what it is there to catch: copies of cells, broken on purpose."""

import copy
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import nbformat
import pytest

HERE = Path(__file__).parent
NOTEBOOK = HERE.parents[1] / "notebooks" / "02_multilayer_perceptron.ipynb"


# Cells of the notebook that stand on their own, each by a line of its source.
SOUND = [
    "coursekit.start",
    "layers, L =",
    "def forward(x):\n    h = x",
    "at_most=1e-12",
    "parameters by the formula",
    "def tent",
    "at_least=0.24",
]


def changed_number(cell):
    """A stored number that no machine should change: the check sees another one."""
    (output,) = cell.outputs
    output.text = output.text.replace("109386 = 109386", "109387 = 109387", 1)


def failing_claim(cell):
    """A bound that the measured value does not meet."""
    cell.source = cell.source.replace("at_most=1e-12", "at_most=-1")


def looser_bound(cell):
    """A bound changed in the source alone: the stored text says another one."""
    cell.source = cell.source.replace("at_least=0.24", "at_least=0.14")


def exception(cell):
    """A cell that raises."""
    cell.source = "raise RuntimeError('broken on purpose')\n" + cell.source


BREAKS = {
    changed_number: "parameters by the formula",
    failing_claim: "at_most=1e-12",
    looser_bound: "at_least=0.24",
    exception: "parameters by the formula",
}


@pytest.fixture(scope="module")
def failed(tmp_path_factory):
    """Whether each cell failed in one notebook of sound cells and, behind them, of broken copies."""
    folder = tmp_path_factory.mktemp("broken")
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    notebook.cells = [copy_of(code, line) for line in SOUND]
    for break_it, line in BREAKS.items():
        cell = copy_of(code, line)
        sound = copy.deepcopy(cell)
        break_it(cell)
        assert cell != sound
        notebook.cells.append(cell)
    for place, cell in enumerate(notebook.cells):
        cell.id = f"cell-{place}"
    nbformat.write(notebook, folder / "notebook.ipynb")
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
            folder / "notebook.ipynb",
        ],
        capture_output=True,
        check=False,
    )
    cases = ElementTree.parse(report).iter("testcase")
    return [case.find("failure") is not None or case.find("error") is not None for case in cases]


def copy_of(code, line):
    """A copy of the first cell that holds a line."""
    return copy.deepcopy(next(cell for cell in code if line in cell.source))


def test_sound_cells_pass(failed):
    assert len(failed) == len(SOUND) + len(BREAKS) and not any(failed[: len(SOUND)])


@pytest.mark.parametrize("place, break_it", [*enumerate(BREAKS)], ids=[function.__name__ for function in BREAKS])
def test_a_broken_cell_fails(failed, place, break_it):
    assert failed[len(SOUND) + place]

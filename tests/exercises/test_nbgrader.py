"""The assignment for instructors: nbgrader releases it without solutions, and marks submissions."""

import csv
import importlib
import os
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from coursekit.exercises.cells import BEGIN, YOURS, cells

ROOT = Path(__file__).parents[2]
NAME = "01_artificial_neuron"
SUBMISSIONS = {"right": {}, "wrong": {"01.1": "def leaky_relu(a):\n    return np.maximum(a, 0)", "01.3": None}}


def nbgrader(folder, *arguments):
    """Run nbgrader there; it calls programs that are installed beside Python."""
    environment = os.environ | {
        "PATH": os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"])),
        "PYTHONPATH": str(ROOT),
        "COURSEKIT_PROGRESS": str(folder / "progress"),
    }
    command = [sys.executable, "-m", "nbgrader", *arguments]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def answered(released, changes):
    """A student's copy: the solutions, but for these answers; None leaves the stub."""
    for cell in released.cells:
        identity = cell.metadata.get("nbgrader", {}).get("grade_id", "")
        if identity.endswith("-answer"):
            number = identity.removesuffix("-answer").replace("-", ".")
            solved = cells(number[:2])[number].solved
            cell.source = changes.get(number, solved) or cell.source
    return released


def test_a_release_and_two_submissions(tmp_path, monkeypatch):
    pytest.importorskip("nbgrader", reason="the extra nbgrader is not installed")
    monkeypatch.syspath_prepend(str(ROOT / "tools"))
    importlib.import_module("exercises").assignment(["01"], tmp_path)

    nbgrader(tmp_path, "generate_assignment", NAME)
    released = tmp_path / "release" / NAME / f"{NAME}.ipynb"
    text = released.read_text(encoding="utf-8")
    assert BEGIN not in text and "np.where" not in text
    stubs = {number: cell.stub for number, cell in cells("01").items() if cell.marked}
    given = [cell.source for cell in nbformat.read(released, as_version=4).cells if YOURS in cell.source]
    assert given == list(stubs.values())  # nbgrader's stubs are the notebook's

    for student, changes in SUBMISSIONS.items():
        target = tmp_path / "submitted" / student / NAME / f"{NAME}.ipynb"
        target.parent.mkdir(parents=True)
        nbformat.write(answered(nbformat.read(released, as_version=4), changes), target)
    nbgrader(tmp_path, "autograde", NAME)
    nbgrader(tmp_path, "export")
    with open(tmp_path / "grades.csv", encoding="utf-8") as file:
        scores = {row["student_id"]: (float(row["score"]), float(row["max_score"])) for row in csv.DictReader(file)}
    assert scores == {"right": (len(stubs), len(stubs)), "wrong": (len(stubs) - 2, len(stubs))}

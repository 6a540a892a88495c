"""The tool that breaks notebooks on purpose, and the files that say how."""

import importlib
import re
import sys
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

ROOT = Path(__file__).parents[1]
FILES = sorted((ROOT / "tests" / "mutants").glob("*.toml"))
CELLS = [
    ("from coursekit import claim\nfactor = 2  # for coursekit.start", ""),
    ("def twice(x):\n    return factor * x", ""),
    (
        "claim('twice: of one', twice(1), equals=2)\nclaim('twice of two', twice(2), equals=4)\n"
        "claim('any bound', twice(3), at_least=-100)",
        "✓ twice: of one: 2 = 2\n✓ twice of two: 4 = 4\n✓ any bound: 6 ≥ -100\n",
    ),
    ("half = 1 / factor\nclaim('half', half, at_most=0.5)", "✓ half: 0.5 ≤ 0.5\n"),
    ("claim('never needed', 1, equals=1)\nraise SystemError('cells after the last claim run too')", ""),
]


@pytest.fixture
def mutants(tmp_path, monkeypatch):
    """The tool, with a folder of one tiny notebook."""
    monkeypatch.syspath_prepend(str(ROOT / "tools"))
    execution, mutants = (importlib.import_module(name) for name in ("execution", "mutants"))
    cells = [new_markdown_cell("# 01 · Twice")]
    for source, printed in CELLS:
        outputs = [new_output("stream", text=printed)] if printed else []
        cells.append(new_code_cell(source, outputs=outputs))
    nbformat.write(new_notebook(cells=cells), tmp_path / "01_twice.ipynb")
    for module in (execution, mutants):
        monkeypatch.setattr(module, "NOTEBOOKS", tmp_path)
    monkeypatch.setattr(mutants, "MUTANTS", tmp_path)
    monkeypatch.setenv("COURSEKIT_PROFILE", "quick")
    return mutants


@pytest.fixture
def run(mutants, tmp_path, monkeypatch, capsys):
    """Write 01_twice.toml, run the tool with these arguments: its exit status and what it printed."""

    def run(toml, *arguments):
        (tmp_path / "01_twice.toml").write_text(toml, encoding="utf-8")
        monkeypatch.setattr(sys, "argv", ["mutants.py", *arguments])
        return mutants.main(), capsys.readouterr().out

    return run


CAUGHT = """[[mutant]]
name = "thrice"
after_setup = "factor = 3"
fails = ["twice: of one", "twice of two"]
"""
OTHERS = """[[mutant]]
name = "minus"
replace = [["factor * x", "-factor * x"]]
fails = ["twice of two", "any bound"]
[[mutant]]
name = "crash"
replace = [["1 / factor", "1 / 0"]]
fails = ["half"]
[[mutant]]
name = "patch of nothing"
after_setup = "nothing.at_all = 1"
fails = ["twice: of one"]
"""


def test_the_table_says_what_became_of_each_mutant(run, tmp_path):
    stored = (tmp_path / "01_twice.ipynb").read_bytes()
    status, out = run(CAUGHT + OTHERS, "01")
    assert status == 1
    assert (tmp_path / "01_twice.ipynb").read_bytes() == stored
    progress, table = out.split("\n\n")
    assert re.search(r"^\[1/4\] 01 thrice: caught, \d+ s$", progress, re.M)
    head, thrice, minus, crash, nothing, last = table.splitlines()
    assert head.split() == ["mutant", "verdict", "seconds", "claims"]
    assert re.search(r"^01 thrice +caught +\d+\.\d$", thrice)  # both claims of one cell failed
    assert re.search(r"^01 minus +SURVIVED +\d+\.\d  any bound \| also: twice: of one$", minus)
    assert re.search(r"^01 crash +NOT REACHED +\d+\.\d  half \(ZeroDivisionError: division by zero\)$", crash)
    assert re.search(r"^01 patch of nothing +NOT APPLIED +\d+\.\d  NameError: name 'nothing' is not defined$", nothing)
    assert last == "1 caught, 1 survived, 1 not reached, 1 not applied"


def test_only_the_chosen_mutants_run_and_all_caught_is_success(run):
    status, out = run(CAUGHT + OTHERS, "--only", "THRICE")
    assert status == 0
    assert out.endswith("\n1 caught, 0 survived\n")
    with pytest.raises(SystemExit, match="no mutant's name contains 'x1'"):
        run(CAUGHT, "--only", "x1")


def test_list_runs_nothing(run, mutants, monkeypatch):
    monkeypatch.setattr(mutants, "execute", None)
    status, out = run(CAUGHT + OTHERS, "--list")
    assert status == 0
    assert "01 thrice\n   must fail: twice: of one; twice of two\n" in out


def test_interrupted_it_says_how_far_it_came(run, mutants, monkeypatch):
    judged = []

    def judge(mutant, notebook, folder):
        if judged:
            raise KeyboardInterrupt
        judged.append(mutant.name)
        return mutants.Verdict(mutant.name, "caught", 1.0, "")

    monkeypatch.setattr(mutants, "judge", judge)
    status, out = run(CAUGHT + OTHERS, "01")
    assert status == 130
    assert out.endswith("1 caught, 0 survived\ninterrupted after 1 of 4 mutants\n")


def test_what_runs_ends_with_the_last_claim(mutants, tmp_path):
    mutant = mutants.Mutant("thrice", ["twice of two"], after_setup="factor = 3")
    sources = [cell.source for cell in mutants.mutated(tmp_path / "01_twice.ipynb", mutant).cells]
    assert sources == [mutants.GO_ON, CELLS[0][0], "factor = 3", CELLS[1][0], CELLS[2][0]]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("fails", "fail"), r"01_twice.toml, mutant 'thrice': unknown key 'fail'; there are: name, after_setup"),
        (('name = "thrice"', "name = 3"), r"01_twice.toml, mutant 3: name must be one line of text; got 3"),
        (('"twice: of one", "twice of two"', ""), r"mutant 'thrice': fails must be a list of one or more"),
        (('after_setup = "factor = 3"', ""), r"mutant 'thrice' needs name, fails, and after_setup or replace"),
        (('after_setup = "factor = 3"', "replace = []"), r"replace must be a list of one or more pairs"),
        (('after_setup = "factor = 3"', 'replace = [["a"]]'), r"replace must be a list of one or more pairs"),
        (('"factor = 3"', '"factor ="'), r"01_twice, mutant 'thrice': after_setup is not Python: invalid syntax"),
        (('after_setup = "factor = 3"', 'replace = [["absent", ""]]'), r"'thrice'.*'absent' occurs 0 times"),
        (('after_setup = "factor = 3"', 'replace = [["twice(", ""]]'), r"'thrice'.*'twice\(' occurs 4 times"),
        (("twice of two", "twice of"), r"'thrice': the stored outputs hold no claim 'twice of'; they hold: twice: of"),
        (("[[mutant]]", "[mutant]"), r"01_twice.toml must hold \[\[mutant\]\] tables and nothing else"),
        (("[[mutant]]", "[[mutants]]"), r"nothing else; it holds mutants"),
        (("[[mutant]]", "[mutant]]"), r"01_twice.toml: "),
        (("[[mutant]]", CAUGHT + "[[mutant]]"), r"01_twice.toml, mutant 'thrice': there are 2 of this name"),
    ],
)
def test_a_wrong_declaration_is_told_before_anything_runs(run, mutants, monkeypatch, change, message):
    monkeypatch.setattr(mutants, "execute", None)
    with pytest.raises(SystemExit, match=message):
        run(CAUGHT.replace(*change), "01")


def test_a_notebook_without_a_file_is_told(mutants):
    with pytest.raises(SystemExit, match="no tests/mutants/01_twice.toml for the notebook 01_twice; there are: none"):
        mutants.files(["01"])
    assert mutants.files([]) == []


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_declared_mutants_fit_their_notebook(file, monkeypatch):
    """Old texts occur once, claims are stated, and what is inserted compiles: `mutated` checks it."""
    monkeypatch.syspath_prepend(str(ROOT / "tools"))
    mutants = importlib.import_module("mutants")
    declared = mutants.declared(file)
    assert len(declared) >= 3
    for mutant in declared:
        mutants.mutated(ROOT / "notebooks" / f"{file.stem}.ipynb", mutant)

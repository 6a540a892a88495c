"""The soak: claims under many seeds, on record, on a notebook that runs in a second."""

import csv
import importlib
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook, new_output

ROOT = Path(__file__).parents[1]
SETUP = "import os\n\nimport coursekit\n\ncoursekit.start = dict\nseed = coursekit.start(seed=7)['seed']"
DRAWN = "os.environ['COURSEKIT_DIGITS'] == 'stroke_digits'"
CLAIMS = f"""from coursekit import claim

claim("the seed", seed, at_most={{bound}})
claim("on drawn digits", seed + 10 * ({DRAWN}), between=(-10, 13.5))
claim("shape: of one", (2, seed), equals=(2, seed))
claim("a third", 1 / 3, equals=1 / 3, tolerance=1e-12)"""
PRINTED = """✓ the seed: 7 ≤ {bound}
✓ on drawn digits: 7 in [-10, 13.5]
✓ shape: of one: (2, 7) = (2, 7)
✓ a third: 0.3333 ≈ 0.333333 ± 1e-12
"""


def write(path, bound=3, more=()):
    cells = [
        new_code_cell(SETUP),
        new_code_cell(CLAIMS.format(bound=bound), outputs=[new_output("stream", text=PRINTED.format(bound=bound))]),
    ]
    nbformat.write(new_notebook(cells=cells + [new_code_cell(source) for source in more]), path)


@pytest.fixture
def tool(tmp_path, monkeypatch):
    """The soak of a course of one small notebook, and a way to call it."""
    monkeypatch.syspath_prepend(str(ROOT / "tools"))
    soak, execution = (importlib.import_module(name) for name in ("soak", "execution"))
    write(tmp_path / "01_small.ipynb")
    for module in (execution, soak):
        monkeypatch.setattr(module, "NOTEBOOKS", tmp_path)
    monkeypatch.setattr(soak, "RECORDS", tmp_path / "soak")
    monkeypatch.setattr(soak, "real_data_missing", lambda: "")

    def call(*arguments):
        monkeypatch.setattr("sys.argv", ["soak.py", *map(str, arguments)])
        return soak.main()

    return call


def lines(folder):
    with (folder / "soak" / "01_small.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_each_run_is_kept_with_what_it_measured(tool, tmp_path, capsys):
    before = (tmp_path / "01_small.ipynb").read_bytes()
    assert tool("-n", 4, "--numerics", "plain") == 1
    assert (tmp_path / "01_small.ipynb").read_bytes() == before
    runs = {(int(run["seed"]), run["data"]): run for run in lines(tmp_path)}
    assert sorted(runs) == [(seed, data) for seed in (1, 2, 3, 4) for data in ("drawn", "real")]
    for (seed, data), run in runs.items():
        assert run["numerics"] == "plain" and run["error"] == ""
        assert run["the seed"] == f"{seed}" + "!" * (seed > 3)
        assert run["on drawn digits"] == f"{seed + 10 * (data == 'drawn')}" + "!" * (seed > 3 and data == "drawn")
        assert run["shape: of one"] == f"(2, {seed})" and run["a third"] == "0.3333"
    output = capsys.readouterr().out
    assert "8 runs\n" in output
    assert "01: the seed: 4, claimed ≤ 3\n" in output and "01: on drawn digits: 14, claimed in [-10, 13.5]\n" in output
    assert output.count("01: the seed:") == 2 and output.count("01: on drawn digits:") == 1
    page = (tmp_path / "soak.md").read_text(encoding="utf-8")
    assert "| 01_small | 4 | 0 + 4 + 0 | 0 + 4 + 0 | 2 |" in page


def test_a_run_on_record_is_not_done_again(tool, tmp_path, capsys):
    tool("-n", 1, "--data", "drawn")
    first = lines(tmp_path)
    tool("-n", 2, "--data", "drawn", "--numerics", "oneDNN")
    assert "\n1 runs\n" in capsys.readouterr().out
    assert lines(tmp_path)[:2] == first and len(lines(tmp_path)) == 3


def test_another_bound_judges_the_old_runs_and_another_code_sets_them_aside(tool, tmp_path, capsys):
    only = "--data", "real", "--numerics", "oneDNN"
    assert tool("-n", 4, *only) == 1
    write(tmp_path / "01_small.ipynb", bound=20)
    capsys.readouterr()
    assert tool("-n", 4, *only) == 0
    assert "\n0 runs\n" in "\n" + capsys.readouterr().out
    write(tmp_path / "01_small.ipynb", bound=20, more=["seed += 1"])
    assert tool("-n", 1, *only) == 0
    assert "01_small: the code has changed since 4 runs; they do not count" in capsys.readouterr().out
    assert len(lines(tmp_path)) == 1


def test_a_cell_that_raises_and_a_claim_not_reached_are_failures(tool, tmp_path, capsys):
    path = tmp_path / "01_small.ipynb"
    write(path, bound=20, more=["if seed == 2:\n    1 / 0"])
    notebook = nbformat.read(path, as_version=4)
    notebook.cells[1].source = "if seed == 3:\n    raise SystemError('early')\n" + notebook.cells[1].source
    nbformat.write(notebook, path)
    assert tool("-n", 3, "--data", "real", "--numerics", "oneDNN") == 1
    output = capsys.readouterr().out
    assert "seed 1: " in output and "s, ok\n" in output
    assert "01: ZeroDivisionError: division by zero\n" in output
    assert "01: SystemError: early\n" in output and "01: a third: not reached\n" in output


def test_a_claim_too_near_its_bound_is_a_fault(tool, tmp_path, capsys):
    write(tmp_path / "01_small.ipynb", bound=4.5)
    assert tool("-n", 4, "--data", "real", "--numerics", "oneDNN") == 1
    assert "01: the seed (real, oneDNN) is too near its bound" in capsys.readouterr().out


def test_without_the_real_digits_the_drawn_ones_are_tried(tool, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(importlib.import_module("soak"), "real_data_missing", lambda: "there are none")
    tool("-n", 1, "--numerics", "plain")
    assert "real data: left out, there are none\n" in capsys.readouterr().out
    assert [run["data"] for run in lines(tmp_path)] == ["drawn"]


@pytest.mark.parametrize(("name", "value"), [("-n", 0), ("--first", 0), ("--at-once", -1)])
def test_numbers_below_one_are_refused(tool, name, value, capsys):
    with pytest.raises(SystemExit):
        tool(name, value)
    assert f"{name} must be at least 1; got {value}" in capsys.readouterr().err


@pytest.mark.parametrize("bound, same", [
    ("at_least=0.2", True), ("between=(0, 1)", True), ("at_most=run.pick(quick=0.1, full=(0.3, 2))", True),
    ("at_least=0.1, name=2", False), ("equals=3", False),
])  # fmt: skip
def test_a_bound_is_no_part_of_the_code(bound, same, tool):
    code_of = importlib.import_module("soak").code_of
    one, other = (new_notebook(cells=[new_code_cell(f"claim('a', a, {kind})")]) for kind in ("at_least=0.1", bound))
    digests = [code_of(one), code_of(other)]
    assert (digests[0] == digests[1]) == (same and bound.startswith("at_least"))
    swapped = new_notebook(cells=[new_code_cell(f"claim('a', a, {bound.split('=')[0]}=7)")])
    assert (code_of(other) == code_of(swapped)) == same

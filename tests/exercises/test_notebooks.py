"""The exercises in the notebooks are those of coursekit/exercises/, cell by cell."""

import ast
import importlib
from pathlib import Path

import nbformat
import pytest
from IPython.core.inputtransformer2 import TransformerManager
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from coursekit.exercises.answers import available

ROOT = Path(__file__).parents[2]
PATHS = {path.stem[:2]: path for path in (ROOT / "notebooks").glob("[0-9][0-9]_*.ipynb")}


@pytest.fixture
def tool(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "tools"))
    return importlib.import_module("exercises")


def test_every_notebook_with_code_has_exercises():
    assert available() == sorted(set(PATHS) - {"00"})


@pytest.mark.parametrize("number", available())
def test_they_are_the_generated_ones(tool, number):
    notebook = nbformat.read(PATHS[number], as_version=4)
    begin, end = tool.place(notebook, PATHS[number].stem)
    found, made = notebook.cells[begin:end], tool.section(number)
    assert [(cell.cell_type, cell.source, cell.id, cell.metadata) for cell in found] == [
        (cell.cell_type, cell.source, cell.id, cell.metadata) for cell in made
    ], "run make exercises"


def statements(cells):
    """Those of the code cells, outside their functions."""
    for cell in cells:
        if cell.cell_type == "code":
            yield from ast.parse(TransformerManager().transform_cell(cell.source)).body


@pytest.mark.parametrize("number", available())
def test_a_function_to_be_written_has_no_name_of_the_notebook(tool, number):
    notebook = nbformat.read(PATHS[number], as_version=4)
    begin, end = tool.place(notebook, PATHS[number].stem)
    taken = set()
    for statement in statements(notebook.cells[:begin]):
        if isinstance(statement, ast.FunctionDef):
            taken.add(statement.name)
        else:
            nodes = ast.walk(statement)
            taken |= {each.id for each in nodes if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store)}
    asked = {each.name for each in statements(notebook.cells[begin:end]) if isinstance(each, ast.FunctionDef)}
    assert not asked & taken


def test_rewriting_changes_that_section_alone(tool, tmp_path):
    path = tmp_path / "01_small.ipynb"
    cells = [
        new_markdown_cell("# 01"),
        new_code_cell("1 + 1", execution_count=1),
        new_markdown_cell("## Exercises\n\n1. Prove it."),
        new_markdown_cell("## Sources"),
    ]
    nbformat.write(new_notebook(cells=cells), path)
    assert tool.rewrite(path) is True
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    sources = [cell.source for cell in notebook.cells]
    assert sources[:2] == ["# 01", "1 + 1"] and sources[-1] == "## Sources" and "1. Prove it." not in "".join(sources)
    checks = [cell for cell in notebook.cells if cell.source.startswith("check(")]
    assert [cell.outputs[0].text for cell in checks[:2]] == ["· 01.1 not yet\n", "· 01.2 not yet\n"]
    counts = [cell.execution_count for cell in notebook.cells if cell.cell_type == "code"]
    assert counts == list(range(1, len(counts) + 1))
    assert tool.rewrite(path) is False


def test_a_notebook_without_the_headings_is_refused(tool):
    with pytest.raises(SystemExit, match="must have one heading"):
        tool.place(new_notebook(cells=[new_markdown_cell("## Exercises")]), "01_small")

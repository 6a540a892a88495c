"""Which cells only draw: small notebooks with one thing each."""

import importlib
from copy import deepcopy
from pathlib import Path

import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

ROOT = Path(__file__).parents[1]
DRAWING = """x = np.linspace(0, 1, 5)
fig, axes = plotting.panels(1, 2)
for k, ax in enumerate(axes):
    ax.plot(x, x**k)
fig.alt = "Two lines."
"""


@pytest.fixture
def tags(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "tools"))
    return importlib.import_module("tags")


def hidden(tags, *sources, own_tags=()):
    """The places of the cells that are to be hidden."""
    metadata = {"tags": list(own_tags)}
    notebook = new_notebook(cells=[new_code_cell(source, metadata=metadata) for source in sources])
    return [number for number, hide in tags.to_hide(notebook).items() if hide]


def test_a_cell_that_only_draws_is_hidden(tags):
    assert hidden(tags, DRAWING) == [0]
    assert hidden(tags, "%pip list", "import numpy as np\n" + DRAWING + 'claim("a", 1, equals=1)') == [1]


@pytest.mark.parametrize(
    "lesson",
    [
        "y = scratch.sigmoid(x)",
        "y = W @ x",
        "model.fit(x)",
        "for step in range(9):\n    w -= 0.1 * gradient(w)",
        "def loss(w):\n    return w**2",
        'print("x")',
        "if quick:\n    ax.plot(x)\nelse:\n    model.fit(x)",
    ],
)
def test_a_cell_that_computes_stays_open(tags, lesson):
    assert hidden(tags, DRAWING + lesson) == []
    assert hidden(tags, lesson) == []


@pytest.mark.parametrize("use", ["z = scratch.sigmoid(x)", "claim('x', x.max(), equals=1)", "fit(x)"])
def test_what_a_lesson_uses_stays_open(tags, use):
    assert hidden(tags, DRAWING, use) == []
    assert hidden(tags, DRAWING, "x = 2", use) == [0]  # another x


def test_training_inside_a_loop_that_draws_stays_open(tags):
    assert hidden(tags, "fig, ax = plotting.panels()\nfor epoch in range(3):\n    model.fit(x)\n    ax.plot(x)") == []


def test_functions_that_draw_and_their_calls_are_hidden(tags):
    draw = "def draw(x):\n    fig, ax = plotting.panels()\n    ax.plot(scratch.relu(x))\n    return fig"
    assert hidden(tags, draw, "fig = draw(x)", "answer = solve(x)") == [0, 1]


def test_what_is_arranged_in_a_cell_of_its_own(tags):
    assert hidden(tags, "boxes = {'x': (0, 0)}", "fig = plotting.block_diagram(boxes, [])") == [0, 1]
    grid = "def sheet(rows):\n    return np.concatenate(rows)"
    assert hidden(tags, grid, "fig = plotting.image_grid(sheet(x))") == [0, 1]
    assert hidden(tags, grid, "fig = plotting.image_grid(sheet(x))", "train(sheet(x))") == [1]
    assert hidden(tags, "x = np.linspace(0, 1, 5)") == []  # nothing uses it: who knows


def test_the_author_decides(tags):
    assert hidden(tags, DRAWING, own_tags=["show-input"]) == []


def test_tags_are_set_taken_back_and_others_kept(tags):
    cells = [new_markdown_cell("# A"), new_code_cell(DRAWING), new_code_cell("train(y)")]
    cells[1].metadata["tags"] = ["mine"]
    cells[2].metadata.update(tags=["hide-input"], jupyter={"source_hidden": True, "outputs_hidden": True})
    notebook = new_notebook(cells=cells)
    assert tags.set_tags(notebook) == 1
    assert cells[1].metadata == {"tags": ["mine", "hide-input"], "jupyter": {"source_hidden": True}}
    assert cells[2].metadata == {"jupyter": {"outputs_hidden": True}}
    assert cells[0].metadata == {}
    before = deepcopy(notebook)
    tags.set_tags(notebook)
    assert notebook == before

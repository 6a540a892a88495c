"""Every notebook keeps the conventions that students, instructors and nbval rely on."""

import importlib
import json
import re
import statistics
import tomllib
from copy import deepcopy
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).parents[2]
SYMBOLS = ROOT / "notebooks" / "00_symbols.ipynb"  # a page without code
NOTEBOOKS = sorted(set((ROOT / "notebooks").glob("*.ipynb")) - {SYMBOLS})
REPOSITORY = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["urls"]["Repository"]
SETUP = f"""import importlib.util
import os
import sys

if importlib.util.find_spec("coursekit") is None:  # not installed for this kernel
    if "google.colab" not in sys.modules and "KAGGLE_KERNEL_RUN_TYPE" not in os.environ:
        raise ModuleNotFoundError("no coursekit in this kernel; `make lab` opens one with it")
    %pip install -q git+{REPOSITORY}
"""
UNSPOKEN = {"## What to remember", "## Exercises", "## Sources"}
NOTE = re.compile(
    r"<details><summary>For whoever presents this</summary>\n\n"
    r"\*\*Ask the room\.\*\* .+\n\n\*\*Often misunderstood\.\*\* .+\n\n</details>",
    re.DOTALL,
)
SLIDE_TYPES = {"slide", "subslide", "fragment", "skip", "notes", "-"}
ABSOLUTE_PATH = re.compile(r"""(?:^|[\s"'(=])(?:/(?:[\w.-]+/)+[\w.-]*|[A-Z]:\\)""")


@pytest.fixture(params=NOTEBOOKS, ids=lambda path: path.stem, scope="module")
def path(request):
    return request.param


@pytest.fixture(scope="module")
def notebook(path):
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    return notebook


def code(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def outputs(notebook):
    return [output for cell in code(notebook) for output in cell.outputs]


def lines(cell):
    return sum(bool(line.strip()) for line in cell.source.splitlines())


def test_the_course_begins_with_notebook_01():
    assert [path.stem[:3] for path in NOTEBOOKS[:6]] == ["01_", "02_", "03_", "04_", "05_", "06_"]


def test_the_table_of_symbols():
    """It names no notebook that does not exist, its rows are whole, and it runs nothing."""
    notebook = nbformat.read(SYMBOLS, as_version=4)
    nbformat.validate(notebook)
    assert {cell.cell_type for cell in notebook.cells} == {"markdown"}
    assert all(cell.metadata.slideshow.slide_type in SLIDE_TYPES for cell in notebook.cells)
    tables = [[row for row in cell.source.splitlines() if row.startswith("|")] for cell in notebook.cells[1:]]
    assert all(tables)
    for table in tables:
        assert len({row.count("|") for row in table}) == 1, table[0]
    numbers = {path.stem[:2] for path in NOTEBOOKS}
    assert set(re.findall(r"\b\d\d\b", "".join(cell.source for cell in notebook.cells))) <= numbers


def test_links_between_notebooks_lead_somewhere(notebook):
    for name in re.findall(r"\]\((\d\d_\w+\.ipynb)", "".join(cell.source for cell in notebook.cells)):
        assert (ROOT / "notebooks" / name).exists(), name


def test_exercises_are_named_by_their_numbers(notebook):
    """A sentence that sends the reader to an exercise names one that exists, such as 04.1."""
    prose = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    assert not re.findall(r"\bexercises? \d+(?![.\d])", prose, re.I)
    texts = [path.read_text(encoding="utf-8") for path in (ROOT / "coursekit" / "exercises").glob("[0-9][0-9].py")]
    numbers = set(re.findall(r"^# %% (\d\d\.\d)$", "\n".join(texts), re.M))
    opened = set(re.findall(r"^# %% \[markdown\] (\d\d\.\d) ", "\n".join(texts), re.M))
    assert set(re.findall(r"\bexercise (\d\d\.\d)", prose, re.I)) <= numbers | opened


def test_opening(notebook, path):
    number = path.stem[:2]
    opening = notebook.cells[0].source
    assert opening.startswith(f"# {number} · ")
    assert "After this notebook you can" in opening
    assert "*Before this:*" in opening and "*Running time:*" in opening
    address = REPOSITORY.removeprefix("https://github.com/")
    assert f"(https://colab.research.google.com/github/{address}/blob/main/notebooks/{path.name})" in opening
    assert f"(https://mybinder.org/v2/gh/{address}/main?labpath=notebooks%2F{path.name})" in opening


def test_setup_cell(notebook):
    setup = code(notebook)[0].source
    assert setup.startswith(SETUP), "the same lines in every notebook find coursekit, install it or say what to do"
    starts = re.findall(r"coursekit\.start\(seed=\d+(, needs=\"tensorflow\")?\)", setup)
    assert len(starts) == 1
    assert not any("coursekit.start" in cell.source for cell in code(notebook)[1:])
    tapes = [cell.source for cell in code(notebook)[1:] if "GradientTape" in cell.source and "keras." in cell.source]
    assert bool(tapes) <= bool(starts[0]), (
        "a tape sees through a Keras model on TensorFlow alone: say that it is needed"
    )


def test_closing(notebook):
    headings = re.findall(r"^## (.+)$", "\n".join(cell.source for cell in notebook.cells), re.M)
    assert headings[-3:] == ["What to remember", "Exercises", "Sources"]


def test_every_cell_has_a_slide_type(notebook):
    for cell in notebook.cells:
        assert cell.metadata.get("slideshow", {}).get("slide_type") in SLIDE_TYPES, cell.source


def test_code_that_only_draws_is_hidden(notebook, monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "tools"))
    tagged = deepcopy(notebook)
    importlib.import_module("tags").set_tags(tagged)
    for cell, as_it_should_be in zip(notebook.cells, tagged.cells):
        assert cell.metadata == as_it_should_be.metadata, f"make tags would mend this cell:\n{cell.source}"


def test_each_section_has_a_note_for_its_speaker(notebook):
    types = [cell.metadata.slideshow.slide_type for cell in notebook.cells]
    starts = [at for at, kind in enumerate(types) if kind == "slide"]
    for start, end in zip(starts, [*starts[1:], len(types)]):
        heading = notebook.cells[start].source.partition("\n")[0]
        notes = [cell for cell in notebook.cells[start:end] if "speaker-notes" in cell.metadata.get("tags", [])]
        if start == 0 or heading in UNSPOKEN:
            assert not notes, heading
            continue
        assert len(notes) == 1, f"{heading}: one cell with the tag speaker-notes, got {len(notes)}"
        assert notes[0].cell_type == "markdown" and notes[0].metadata.slideshow.slide_type == "notes", heading
        assert NOTE.fullmatch(notes[0].source), notes[0].source
    notes = [cell for cell, kind in zip(notebook.cells, types) if kind == "notes"]
    assert all("speaker-notes" in cell.metadata.get("tags", []) for cell in notes)


def test_code_cells_are_short(notebook):
    lengths = [lines(cell) for cell in code(notebook)[1:]]
    assert max(lengths) <= 15
    assert statistics.median(lengths) <= 8
    assert max(len(line) for cell in code(notebook) for line in cell.source.splitlines()) <= 96


def test_no_cell_relies_on_a_semicolon(notebook):
    """nbval shows the value that a final semicolon hides in Jupyter."""
    assert not [cell.source for cell in code(notebook) if cell.source.rstrip().endswith(";")]


def test_executed_top_to_bottom(notebook):
    counts = [cell.execution_count for cell in code(notebook)]
    assert counts == list(range(1, len(counts) + 1))


def test_outputs_are_clean(notebook):
    assert not [output for output in outputs(notebook) if output.output_type == "error"]
    assert not [output.text for output in outputs(notebook) if output.get("name") == "stderr"]


def test_no_output_names_a_place_in_memory(notebook):
    for output in outputs(notebook):
        text = output.get("text", "") + output.get("data", {}).get("text/plain", "")
        assert not re.search(r" at 0x[0-9a-f]+>", text), text


def test_pictures_have_alternative_text(notebook):
    pictures = [output for output in outputs(notebook) if "image/png" in output.get("data", {})]
    assert pictures
    for picture in pictures:
        assert len(picture.metadata["image/png"]["alt"]) > 20
        assert "points" in picture.metadata["image/png"], "the size of its smallest text, for the deck"
    for alt in re.findall(r"!\[(.*?)\]\(", "\n".join(cell.source for cell in notebook.cells)):
        assert alt


def test_no_svg_or_html_that_differs_between_runs(notebook):
    kinds = {kind for output in outputs(notebook) for kind in output.get("data", {})}
    assert kinds <= {"image/png", "text/plain", "text/markdown", "text/latex"}


def test_claims(notebook):
    text = "".join(output.text for output in outputs(notebook) if output.output_type == "stream")
    claims = re.findall(r"^✓ .+: \S.* [≤≥≈=i].*$", text, re.M)
    assert len(claims) >= 5
    assert "✗" not in text


def test_no_absolute_paths(notebook):
    texts = [cell.source for cell in code(notebook)] + [
        output.get("text", "") + "".join(output.get("data", {}).get("text/plain", "")) for output in outputs(notebook)
    ]
    for text in texts:
        assert not ABSOLUTE_PATH.search(text), text


def test_metadata_is_stable(notebook):
    assert notebook.metadata.kernelspec.name == "python3"
    assert set(notebook.metadata.language_info) == {"name"}
    assert not any("execution" in cell.metadata for cell in notebook.cells)


def test_size(path):
    assert path.stat().st_size < 2 * 1024**2
    json.loads(path.read_text(encoding="utf-8"))


def test_the_path_pattern_catches_paths():
    for bad in ('open("/home/ada/x.txt")', "saved in /tmp/x", r"C:\Users\x", "/usr/lib/python3/x.py"):
        assert ABSOLUTE_PATH.search(bad), bad
    for good in ("a / b / c", "1/sqrt(r)", "x/y/z", "https://github.com/a/b", "and/or"):
        assert not ABSOLUTE_PATH.search(good), good

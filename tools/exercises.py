"""Write the exercises of coursekit/exercises/ into the notebooks, or as an assignment that nbgrader marks.

python tools/exercises.py               every notebook that has a file there
python tools/exercises.py 04            this one
python tools/exercises.py --assignment  an nbgrader course with one assignment for each, in build/assignment/

A notebook's exercises are the cells between its headings "Exercises" and "Sources"; they are generated, with the
outputs of a kernel that runs them, and nothing else in the notebook changes.
"""

import argparse
import sys
from pathlib import Path

import nbformat
import safely
from execution import NOTEBOOKS, ROOT, chosen, execute, quiet_environment
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from coursekit.exercises.answers import available
from coursekit.exercises.cells import YOURS, Cell, cells

INTRODUCTION = """## Exercises

Write your answer where it says `{yours}`, run the cell, then the cell with `check` below it. A wrong answer is shown at its smallest example. `hint("{first}")` helps, `solution("{first}")` gives it all, `progress()` counts what you have solved (noted on this computer alone)."""
TOOLS = "import numpy as np\n\nfrom coursekit.exercises import check, hint, progress, solution"
CONFIGURATION = """c = get_config()  # noqa
c.CourseDirectory.course_id = "course"
c.ClearSolutions.code_stub = {{"python": "{yours}"}}
c.ClearSolutions.begin_solution_delimeter = "BEGIN SOLUTION"
c.ClearSolutions.end_solution_delimeter = "END SOLUTION"
"""


def section(number: str) -> list[nbformat.NotebookNode]:
    """The cells from the heading "Exercises" on, without outputs.

    Args:
        number: of the notebook.
    """
    exercises = cells(number)
    first = next(iter(exercises))
    made = [
        _cell(new_markdown_cell, f"{number}-exercises", INTRODUCTION.format(yours=YOURS, first=first), "slide"),
        _cell(new_code_cell, f"{number}-tools", TOOLS, "-"),
    ]
    for name, exercise in exercises.items():
        made.append(_cell(new_markdown_cell, f"{name}-task", _task(name, exercise), "subslide"))
        if exercise.marked:
            made.append(_cell(new_code_cell, f"{name}-answer", exercise.stub, "-"))
        made.append(_cell(new_code_cell, f"{name}-check", _call("check", name, exercise), "-"))
    return made


def rewrite(path: Path) -> bool:
    """Put the generated cells into the notebook; whether that changed it.

    Raises:
        SystemExit: it has no such section, or a generated cell fails.
    """
    notebook = nbformat.read(path, as_version=4)
    begin, end = place(notebook, path.stem)
    made = section(path.stem[:2])
    if [(cell.cell_type, cell.source) for cell in notebook.cells[begin:end]] == [
        (cell.cell_type, cell.source) for cell in made
    ]:
        return False
    run = new_notebook(cells=[cell for cell in made if cell.cell_type == "code"])
    if failure := execute(run, NOTEBOOKS).failure:
        sys.exit(f"{path.stem}: {failure}")
    notebook.cells[begin:end] = made
    for count, cell in enumerate((cell for cell in notebook.cells if cell.cell_type == "code"), start=1):
        cell.execution_count = count
    safely.write_notebook(notebook, path)
    return True


def place(notebook: nbformat.NotebookNode, name: str) -> tuple[int, int]:
    """Where the exercises begin and where they end, as indices of cells.

    Raises:
        SystemExit: the notebook has not exactly one heading "Exercises" with "Sources" after it.
    """
    headings = [cell.source.partition("\n")[0] for cell in notebook.cells]
    if headings.count("## Exercises") != 1 or "## Sources" not in headings[headings.index("## Exercises") :]:
        sys.exit(f'{name} must have one heading "## Exercises" and, later, "## Sources"')
    begin = headings.index("## Exercises")
    return begin, headings.index("## Sources", begin)


def assignment(numbers: list[str], folder: Path) -> None:
    """Write nbgrader's source notebooks: each answer's cell with its solution, each check as a point.

    Args:
        numbers: of the notebooks.
        folder: gets nbgrader_config.py and source/<notebook>/<notebook>.ipynb.
    """
    safely.write(folder / "nbgrader_config.py", CONFIGURATION.format(yours=YOURS))
    for [path] in (chosen([number]) for number in numbers):
        made = [
            new_markdown_cell(f"# {path.stem[:2]} · Exercises"),
            new_code_cell(TOOLS.replace("check,", "check, grade,")),
        ]
        for name, exercise in cells(path.stem[:2]).items():
            made.append(new_markdown_cell(_task(name, exercise)))
            if exercise.marked:
                made.append(new_code_cell(exercise.marked, metadata={"nbgrader": _role(name, "answer", solution=True)}))
                test = f"{_call('grade', name, exercise)}"
                made.append(new_code_cell(test, metadata={"nbgrader": _role(name, "grade", points=1)}))
        kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
        notebook = new_notebook(cells=made, metadata={"kernelspec": kernel, "language_info": {"name": "python"}})
        for at, cell in enumerate(made):
            cell.id = f"cell-{at}"
        safely.write_notebook(notebook, folder / "source" / path.stem / path.name)


def _role(name, kind, solution=False, points=0):
    return {
        "grade_id": f"{name.replace('.', '-')}-{kind}",
        "grade": points > 0,
        "points": points,
        "solution": solution,
        "locked": not solution,
        "task": False,
        "schema_version": 3,
    }


def _task(name: str, exercise: Cell) -> str:
    return f"### {name} {exercise.title}\n\n{exercise.task}"


def _call(function: str, name: str, exercise: Cell) -> str:
    return f'{function}("{name}"' + f", {exercise.answer}" * bool(exercise.marked) + ")"


def _cell(make, identity, source, slide_type):
    cell = make(source, metadata={"slideshow": {"slide_type": slide_type}})
    cell.id = f"exercise-{identity.replace('.', '-')}"
    return cell


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("notebooks", nargs="*", help="numbers or names; all by default")
    parser.add_argument("--assignment", action="store_true", help="for nbgrader, into build/assignment/")
    arguments = parser.parse_args()
    quiet_environment()
    paths = [path for path in chosen(arguments.notebooks) if path.stem[:2] in available()]
    if not paths:
        sys.exit(f"no exercises for {' '.join(arguments.notebooks)}; there are: {', '.join(available())}")
    if arguments.assignment:
        folder = ROOT / "build" / "assignment"
        assignment([path.stem[:2] for path in paths], folder)
        print(
            f"{len(paths)} assignments in {folder.relative_to(ROOT)}. Copy that folder to a place of your own, then there:"
        )
        print(f"nbgrader generate_assignment {paths[0].stem}")
        return 0
    for path in paths:
        print(f"{path.stem:34}{'written' if rewrite(path) else 'as it should be'}", flush=True)
    return 0


if __name__ == "__main__":
    safely.run(main)

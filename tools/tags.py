"""Set the tags that hide code which only draws: left out on decks, folded on pages, collapsed in Jupyter.

    python tools/tags.py          every notebook
    python tools/tags.py 04       this one
    python tools/tags.py --list   change nothing; for each cell with a drawing, what keeps it open

A cell is hidden if each of its statements draws, states a claim, imports, or arranges what only drawing uses.
Drawing is what calls `plotting`, matplotlib, what they gave, or a function of the notebook that draws; a computation
keeps its cell open. Where such a cell is the lesson, the author's tag "show-input" keeps it open.
"""

import argparse
import ast

import nbformat
import safely
from execution import chosen
from IPython.core.inputtransformer2 import TransformerManager

HIDE, SHOW = "hide-input", "show-input"
LIBRARIES = {"plotting", "plt", "fig", "ax", "axes"}  # the last three: a function's arguments, too
NEUTRAL = (ast.Import, ast.ImportFrom)
# Calls that order and sum up values, and compute nothing that is taught.
ARRANGE = set(
    """abs all any append arange argmax argmin argsort argwhere array asarray astype clip column_stack concatenate copy
    dict enumerate expand_dims flatnonzero flip format full geomspace get insert int isin items join keys len linspace
    list logspace map max mean median meshgrid min moveaxis ndenumerate ndindex ones ones_like range ravel removesuffix
    repeat replace reshape reversed round set sort sorted split sqrt squeeze stack std str sum swapaxes tile transpose
    tuple unique values where wrap zeros zeros_like zip""".split()
)


def to_hide(notebook: nbformat.NotebookNode) -> dict[int, bool]:
    """For each cell that draws, as an index, whether its code is to be hidden.

    Args:
        notebook: its tags "show-input" are respected.
    """
    return {
        number: not lessons and SHOW not in notebook.cells[number].metadata.get("tags", [])
        for number, lessons in lessons_of(notebook).items()
    }


def lessons_of(notebook: nbformat.NotebookNode) -> dict[int, list[ast.stmt]]:
    """For each cell that draws, as an index, the statements that do more than draw."""
    plain = TransformerManager().transform_cell  # without %pip
    numbered = [
        (number, statement)
        for number, cell in enumerate(notebook.cells)
        if cell.cell_type == "code"
        for statement in ast.parse(plain(cell.source)).body
    ]
    figures: dict[int, set[str]] = {}
    functions = set(LIBRARIES)
    drawn = []
    for number, statement in numbered:
        here = figures.setdefault(number, set())
        drawn.append(_draws(statement, functions | here))
        if drawn[-1]:
            (functions if isinstance(statement, ast.FunctionDef) else here).update(_stored(statement))
    free = list(drawn)  # of a lesson
    for at in reversed(range(len(numbered))):  # whatever uses a statement stands below it
        if not drawn[at] and _arranges(numbered[at][1]):
            uses = _uses(at, [statement for _, statement in numbered])
            free[at] = bool(uses) and all(free[use] for use in uses)
    return {
        number: [
            statement
            for at, (place, statement) in enumerate(numbered)
            if place == number and not free[at] and not _is_neutral(statement)
        ]
        for number in {place for (place, _), one in zip(numbered, free) if one}
    }


def _draws(statement, figures):
    """Whether a statement draws; a loop or a condition does if all in it draws or arranges."""
    if isinstance(statement, ast.FunctionDef):
        inside = set(figures)
        for each in statement.body:
            if _draws(each, inside):
                inside |= _stored(each)
        return any(_draws(each, inside) for each in statement.body)
    if isinstance(statement, ast.For | ast.If | ast.With):
        inside = set(figures)
        if isinstance(statement, ast.For) and figures & _loaded(statement.iter):
            inside |= _names(statement.target, ast.Store)
        parts = statement.body + getattr(statement, "orelse", [])
        draws = [_draws(each, inside) for each in parts]
        return any(draws) and all(one or _arranges(each) for one, each in zip(draws, parts))
    targets = getattr(statement, "targets", [])
    calls = [node.func for node in ast.walk(statement) if isinstance(node, ast.Call)]
    return not _is_neutral(statement) and any(
        _root(node) in figures for node in calls + [target for target in targets if not isinstance(target, ast.Name)]
    )


def _arranges(statement):
    """Whether an assignment, a loop or a function of them, orders values only."""
    return isinstance(statement, ast.Assign | ast.AugAssign | ast.If | ast.For | ast.FunctionDef) and not any(
        isinstance(node, ast.MatMult | ast.Pow) or (isinstance(node, ast.Call) and _name(node.func) not in ARRANGE)
        for node in ast.walk(statement)
    )


def _uses(at, statements):
    """Where the names that a statement binds are used, as far as they keep their meaning."""
    names, uses = _stored(statements[at]), []
    for later in range(at + 1, len(statements)):
        if names & _loaded(statements[later]):
            uses.append(later)
        if isinstance(statements[later], ast.Assign):
            names -= _stored(statements[later])
    return uses


def _is_neutral(statement):
    claims = isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call)
    return isinstance(statement, NEUTRAL) or (claims and _name(statement.value.func) == "claim")


def _root(node):
    while isinstance(node, ast.Attribute | ast.Subscript | ast.Call):
        node = node.func if isinstance(node, ast.Call) else node.value
    return getattr(node, "id", "")


def _name(node):
    return getattr(node, "attr", "") or getattr(node, "id", "")


def _stored(node):
    """The names that a statement binds, those of its loops and comprehensions left out."""
    if isinstance(node, ast.FunctionDef):
        return {node.name}
    return _names(node, ast.Store) - _passing(node)


def _loaded(node):
    """The names that a statement uses and did not bind itself."""
    own = _passing(node)
    if isinstance(node, ast.FunctionDef):
        own |= _names(node, ast.Store)
    return _names(node, ast.Load) - own


def _names(node, context):
    return {each.id for each in ast.walk(node) if isinstance(each, ast.Name) and isinstance(each.ctx, context)}


def _passing(node):
    """The names that live in a loop, a comprehension or a function alone."""
    loops = [each.target for each in ast.walk(node) if isinstance(each, ast.For | ast.comprehension)]
    arguments = {each.arg for each in ast.walk(node) if isinstance(each, ast.arg)}
    return arguments.union(*(_names(target, ast.Store) for target in loops))


def set_tags(notebook: nbformat.NotebookNode) -> int:
    """Set and remove the tags; gives how many cells are hidden."""
    hide = to_hide(notebook)
    for number, cell in enumerate(notebook.cells):
        if cell.cell_type != "code":
            continue
        tags = [tag for tag in cell.metadata.get("tags", []) if tag != HIDE] + [HIDE] * hide.get(number, False)
        jupyter = {key: value for key, value in cell.metadata.get("jupyter", {}).items() if key != "source_hidden"}
        if hide.get(number):
            jupyter["source_hidden"] = True
        for key, value in (("tags", tags), ("jupyter", jupyter)):
            cell.metadata.pop(key, None)
            if value:
                cell.metadata[key] = value
    return sum(hide.values())


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("notebooks", nargs="*", help="numbers or names; all by default")
    parser.add_argument("--list", action="store_true", help="what keeps each cell that draws open; change nothing")
    arguments = parser.parse_args()
    for path in chosen(arguments.notebooks):
        notebook = nbformat.read(path, as_version=4)
        if arguments.list:
            hide = to_hide(notebook)
            for number, lessons in sorted(lessons_of(notebook).items()):
                print(f"{path.stem[:2]} {notebook.cells[number].id}: {'hidden' if hide[number] else 'open'}")
                print("".join(f"    {ast.unparse(lesson)[:90]!r}\n" for lesson in lessons), end="")
            continue
        hidden = set_tags(notebook)
        safely.write_notebook(notebook, path)
        print(f"{path.stem:34}{hidden:3} cells hidden")
    return 0


if __name__ == "__main__":
    safely.run(main)

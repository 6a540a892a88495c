"""Break a notebook on purpose: which of its claims notice?

    python tools/mutants.py 04
    python tools/mutants.py 04 --only sign
    python tools/mutants.py --list

Reads the mistakes declared in tests/mutants/NN_name.toml:

    [[mutant]]
    name = "pixels not divided by 255"        # one line
    after_setup = "..."                       # Python, run right after the cell with coursekit.start
    replace = [["old text", "new text"]]      # each old text occurs once in the code of the notebook
    fails = ["test accuracy of the MLP"]      # the claims that must fail, named as they print

Each mutant runs in memory, in the quick profile, up to the last cell that states one of its claims;
a claim that fails is noted and the cell goes on. A mutant is caught if all of its claims failed. One
that survived, whose claims were not reached or that could not be applied is a defect: exit status 1.
"""

import argparse
import os
import sys
import tomllib
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import nbformat
import safely
from execution import NOTEBOOKS, ROOT, chosen, execute, quiet_environment
from nbformat.v4 import new_code_cell, new_notebook
from seeds import measurements

MUTANTS = ROOT / "tests" / "mutants"
INSERTED = "mutants.py"  # marks the cells that are not the notebook's own
SETUP = "coursekit.start"
GO_ON = '''import coursekit
import coursekit.claims

def going_on(*arguments, _claim=coursekit.claims.claim, **bound):
    """A claim that shows its failure, and lets the cell go on to the next claim."""
    try:
        _claim(*arguments, **bound)
    except coursekit.claims.ClaimError:
        get_ipython().showtraceback()

coursekit.claim = coursekit.claims.claim = going_on
'''


@dataclass
class Mutant:
    """A declared mistake: how it is made, and the claims that must fail."""

    name: str
    fails: list[str]
    after_setup: str = ""
    replace: list[list[str]] = field(default_factory=list)


@dataclass
class Verdict:
    """What became of a mutant."""

    mutant: str
    word: str
    seconds: float
    claims: str


def declared(path: Path) -> list[Mutant]:
    """The mutants of a file.

    Raises:
        SystemExit: the file is not TOML, or a mutant is not as the head of this file says.
    """
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        sys.exit(f"{path.name}: {error}")
    tables = content.get("mutant")
    if (
        set(content) != {"mutant"}
        or not isinstance(tables, list)
        or not all(isinstance(table, dict) for table in tables)
    ):
        sys.exit(
            f"{path.name} must hold [[mutant]] tables and nothing else; it holds {', '.join(content) or 'nothing'}"
        )
    mutants = [
        _checked(table, f"{path.name}, mutant {table.get('name', n)!r}") for n, table in enumerate(tables, start=1)
    ]
    names = [mutant.name for mutant in mutants]
    for name in names:
        if names.count(name) > 1:
            sys.exit(f"{path.name}, mutant {name!r}: there are {names.count(name)} of this name")
    return mutants


def _checked(table, where):
    accepted = {
        "name": (lambda value: _texts([value]) and len(value.splitlines()) == 1, "one line of text"),
        "after_setup": (lambda value: _texts([value]) and value.strip(), "lines of Python"),
        "replace": (_pairs, "a list of one or more pairs of texts"),
        "fails": (_texts, "a list of one or more names of claims"),
    }
    for key, value in table.items():
        if key not in accepted:
            sys.exit(f"{where}: unknown key {key!r}; there are: {', '.join(accepted)}")
        good, words = accepted[key]
        if not good(value):
            sys.exit(f"{where}: {key} must be {words}; got {value!r}")
    if not {"name", "fails"} <= set(table) or not {"after_setup", "replace"} & set(table):
        sys.exit(f"{where} needs name, fails, and after_setup or replace; got {', '.join(table)}")
    return Mutant(**table)


def _texts(value):
    return isinstance(value, list) and len(value) > 0 and all(isinstance(entry, str) for entry in value)


def _pairs(value):
    return isinstance(value, list) and len(value) > 0 and all(_texts(pair) and len(pair) == 2 for pair in value)


def claims(cells: list[nbformat.NotebookNode]) -> dict[str, bool]:
    """The claims in the outputs of these cells by name, and whether one of that name failed."""
    found: dict[str, bool] = {}
    for claim in measurements(new_notebook(cells=cells)):
        found[claim.name] = found.get(claim.name, False) or claim.failed
    return found


def mutated(path: Path, mutant: Mutant) -> nbformat.NotebookNode:
    """The notebook with the mistake made in it, ready to run; the stored one stays as it is.

    Raises:
        SystemExit: a claim that the notebook does not state, an old text that does not occur exactly
            once, after_setup that is not Python, or a notebook without a setup cell.
    """
    where = f"{path.stem}, mutant {mutant.name!r}"
    cells = [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]
    stated = [claims([cell]) for cell in cells]
    for name in mutant.fails:
        if not any(name in found for found in stated):
            sys.exit(f"{where}: the stored outputs hold no claim {name!r}; they hold: {'; '.join(claims(cells))}")
    last = max(number for number, found in enumerate(stated) if set(mutant.fails) & set(found))

    for old, new in mutant.replace:
        times = sum(cell.source.count(old) for cell in cells)
        if times != 1:
            sys.exit(f"{where}: the old text must occur once in the code cells; {old!r} occurs {times} times")
        for cell in cells:
            cell.source = cell.source.replace(old, new)
    setup = next((number for number, cell in enumerate(cells) if SETUP in cell.source), None)
    if setup is None:
        sys.exit(f"{where}: no code cell contains {SETUP}")
    try:
        compile(mutant.after_setup, "after_setup", "exec")
    except SyntaxError as error:
        sys.exit(f"{where}: after_setup is not Python: {error}")

    cells = cells[: max(last, setup) + 1]
    for cell in cells:
        cell.outputs = []  # a kernel that dies must not leave stored claims behind
    cells.insert(setup + 1, _inserted(mutant.after_setup))
    return new_notebook(cells=[_inserted(GO_ON), *cells])


def _inserted(source):
    return new_code_cell(source, metadata={"tags": [INSERTED]})


def judge(mutant: Mutant, notebook: nbformat.NotebookNode, folder: Path) -> Verdict:
    """Run a mutated notebook and see which claims failed."""
    run = execute(notebook, folder, keep_going=True)
    found = claims(notebook.cells)
    held = [name for name in mutant.fails if found.get(name) is False]
    missing = [name for name in mutant.fails if name not in found]
    also = [name for name, failed in found.items() if failed and name not in mutant.fails]
    if broken := crash(cell for cell in notebook.cells if INSERTED in cell.metadata.get("tags", [])):
        return Verdict(mutant.name, "NOT APPLIED", run.seconds, broken)
    lines = ["; ".join(held)] if held else []
    if missing:
        why = crash(notebook.cells) or run.failure or "nothing raised"
        lines += [f"{'not reached: ' if held else ''}{'; '.join(missing)} ({why})"]
    if also:
        lines += [f"also: {'; '.join(_short(name) for name in also)}"]
    word = "SURVIVED" if held else "NOT REACHED" if missing else "caught"
    return Verdict(mutant.name, word, run.seconds, " | ".join(lines))


def crash(cells: Iterable[nbformat.NotebookNode]) -> str | None:
    """The first line of the first error that is not a failed claim."""
    for cell in cells:
        for output in cell.get("outputs", []):
            if output.output_type == "error" and output.ename != "ClaimError":
                return f"{output.ename}: {output.evalue}".splitlines()[0]
    return None


def _short(name, length=40):
    return name if len(name) <= length else f"{name[: length - 1]}…"


def files(names: list[str]) -> list[tuple[Path, Path]]:
    """The chosen notebooks, each with its file of mutants; all that have one if no name is given.

    Raises:
        SystemExit: a chosen notebook without a file.
    """
    pairs = [(path, MUTANTS / f"{path.stem}.toml") for path in chosen(names)]
    if not names:
        pairs = [(path, file) for path, file in pairs if file.exists()]
    for path, file in pairs:
        if not file.exists():
            have = ", ".join(sorted(file.stem for file in MUTANTS.glob("*.toml"))) or "none"
            sys.exit(f"no tests/mutants/{file.name} for the notebook {path.stem}; there are: {have}")
    return pairs


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("notebooks", nargs="*", help="numbers or names; by default all that have a file of mutants")
    parser.add_argument("--only", default="", metavar="TEXT", help="only the mutants whose name contains TEXT")
    parser.add_argument("--list", action="store_true", help="list the mutants and run none")
    arguments = parser.parse_args()
    quiet_environment()
    os.environ["COURSEKIT_PROFILE"] = "quick"
    plan = [
        (path, mutant)
        for path, file in files(arguments.notebooks)
        for mutant in declared(file)
        if arguments.only.lower() in mutant.name.lower()
    ]
    if not plan:
        sys.exit(f"no mutant's name contains {arguments.only!r}; --list shows them")
    if arguments.list:
        for path, mutant in plan:
            print(f"{path.stem[:2]} {mutant.name}\n   must fail: {'; '.join(mutant.fails)}")
        return 0
    return report([(path, mutant, mutated(path, mutant)) for path, mutant in plan])


def report(plan: list[tuple[Path, Mutant, nbformat.NotebookNode]]) -> int:
    """Run the mutants and print a table; 1 if one was not caught, 130 if interrupted."""
    verdicts: list[Verdict] = []
    stopped = False
    try:
        for number, (path, mutant, notebook) in enumerate(plan, start=1):
            last = judge(mutant, notebook, NOTEBOOKS)
            last.mutant = f"{path.stem[:2]} {mutant.name}"
            verdicts.append(last)
            print(f"[{number}/{len(plan)}] {last.mutant}: {last.word}, {last.seconds:.0f} s", flush=True)
    except KeyboardInterrupt:
        stopped = True
    width = max([len(verdict.mutant) for verdict in verdicts], default=10)
    print(f"\n{'mutant':{width}}  {'verdict':11} {'seconds':>7}  claims")
    for verdict in verdicts:
        print(f"{verdict.mutant:{width}}  {verdict.word:11} {verdict.seconds:7.1f}  {verdict.claims}".rstrip())
    counts = Counter(verdict.word for verdict in verdicts)
    others = "".join(f", {counts[word]} {word.lower()}" for word in ("NOT REACHED", "NOT APPLIED") if counts[word])
    print(f"{counts['caught']} caught, {counts['SURVIVED']} survived{others}")
    if stopped:
        print(f"interrupted after {len(verdicts)} of {len(plan)} mutants")
        return 130
    return int(counts["caught"] < len(plan))


if __name__ == "__main__":
    safely.run(main)

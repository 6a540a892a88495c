"""Every claim under many seeds, on both sources of data and in two numerical environments: the soak.

    python tools/soak.py                             20 seeds of each notebook: a night and a day on two cores
    python tools/soak.py 14 15 -n 5                  five seeds of two notebooks
    python tools/soak.py 14 --data drawn --numerics JAX -n 1
    python tools/soak.py --table                     run nothing; write the table of the runs on record

Runs in memory, in the quick profile, one thread each, as many at once as there are cores. The record of a notebook is
benchmarks/soak/NN_name.csv: a line for each run, with the measured value of each claim. A run that is on record is not
done again, so the soak can be stopped at any time, and goes on where it was. Runs count for as long as the code of the
notebook stays the same, bounds aside; the values are held to the bounds of today. After a change the old lines go, with
a word on screen. A change of coursekit does not show in a notebook's code: delete the record then.

Ends with the table of all records, benchmarks/soak.md. Exit status 1 if a claim failed, was not reached or is nearer to
its bound than 3.1 standard deviations, in any run on record of the notebooks chosen.
"""

import argparse
import csv
import hashlib
import io
import os
import re
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path

import nbformat
import safely
from build_course import ONE_THREAD, as_many_as_fit
from check_notebooks import DRAWN, REAL, real_data_missing
from execution import NOTEBOOKS, ROOT, Execution, chosen, execute_each, quiet_environment
from mutants import GO_ON, crash
from nbformat.v4 import new_code_cell, new_notebook
from seeds import ENOUGH, Measurement, distance, limits, measurements, reseeded

RECORDS = ROOT / "benchmarks" / "soak"
DATA = {"real": REAL, "drawn": DRAWN}
NUMERICS = {
    "oneDNN": {"TF_ENABLE_ONEDNN_OPTS": "1"},
    "plain": {"TF_ENABLE_ONEDNN_OPTS": "0"},
    "JAX": {"KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu"},  # only where it is asked for
}
RUN = ["seed", "data", "numerics", "code", "seconds", "megabytes", "error"]  # the columns before the claims
MARK = "!"  # after a value that did not hold
BOUND = re.compile(r"\b(at_least|at_most|between|tolerance)=(run\.pick\((?:[^()]|\([^()]*\))*\)|\([^()]*\)|[\w.+-]+)")


@dataclass
class Record:
    """The runs of a notebook: a dictionary each, by the names of the columns."""

    path: Path
    stated: dict[str, Measurement]
    code: str
    runs: list[dict[str, str]] = field(default_factory=list)

    @property
    def file(self) -> Path:
        """Where the record is kept."""
        return RECORDS / f"{self.path.stem}.csv"

    def has(self, seed: int, data: str, numerics: str) -> bool:
        """Whether a run is on record."""
        return any((run["seed"], run["data"], run["numerics"]) == (str(seed), data, numerics) for run in self.runs)

    def write(self) -> None:
        """Write the record, the whole of it or nothing; a claim that is not stated has no column."""
        text = io.StringIO()
        writer = csv.DictWriter(text, RUN + list(self.stated), "", "ignore", lineterminator="\n")
        writer.writeheader()
        writer.writerows(self.runs)
        safely.write(self.file, text.getvalue())


def record(path: Path) -> Record:
    """The record of a notebook, without the runs of another code."""
    notebook = nbformat.read(path, as_version=4)
    digest = code_of(notebook)
    found = Record(path, named(measurements(notebook)), digest)
    if found.file.exists():
        with found.file.open(encoding="utf-8", newline="") as lines:
            runs = list(csv.DictReader(lines))
        found.runs = [run for run in runs if run["code"] == digest]
        if len(found.runs) < len(runs):
            print(f"{path.stem}: the code has changed since {len(runs) - len(found.runs)} runs; they do not count")
    return found


def code_of(notebook: nbformat.NotebookNode) -> str:
    """What changes when a notebook computes something else: a digest of its code, bounds of claims left out."""
    code = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "code")
    return hashlib.sha256(BOUND.sub(r"\1=", code).encode()).hexdigest()[:8]


def named(claims: list[Measurement]) -> dict[str, Measurement]:
    """The claims by name; a name that comes again gets a number."""
    found: dict[str, Measurement] = {}
    for claim in claims:
        same = sum(claim.name == other.name for other in found.values())
        found[f"{claim.name} ({same + 1})" if same else claim.name] = claim
    return found


def in_memory(path: Path, seed: int, environment: dict[str, str]) -> nbformat.NotebookNode:
    """The code of a notebook under another seed; a claim that fails is noted and the cell goes on."""
    notebook = reseeded(nbformat.read(path, as_version=4), seed)
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    for cell in cells:
        cell.outputs = []
    first = f"import os\n\nos.environ.update({environment!r})\n{GO_ON}"
    return new_notebook(cells=[new_code_cell(first), *cells])


def soak(plan: list[tuple[Record, int, str, str]], at_once: int) -> None:
    """Run the plan and keep each run as it ends."""
    notebooks = [
        in_memory(kept.path, seed, DATA[data] | NUMERICS[numerics] | {"COURSEKIT_PROFILE": "quick"})
        for kept, seed, data, numerics in plan
    ]
    environment = dict(os.environ) | ONE_THREAD
    runs = execute_each(notebooks, NOTEBOOKS, at_once=at_once, keep_going=True, environment=environment)
    with closing(runs):
        for count, (number, execution) in enumerate(runs, start=1):
            kept, seed, data, numerics = plan[number]
            kept.runs.append(
                {"seed": f"{seed}", "data": data, "numerics": numerics, "code": kept.code}
                | results(execution, notebooks[number])
            )
            kept.write()
            notebooks[number].cells = []  # pictures of a thousand runs would fill the memory
            faults = "; ".join(failures(kept, kept.runs[-1])) or "ok"
            print(
                f"[{count}/{len(plan)}] {kept.path.stem[:2]} {data}, {numerics}, seed {seed}: "
                f"{execution.seconds:.0f} s, {faults}",
                flush=True,
            )


def results(execution: Execution, notebook: nbformat.NotebookNode) -> dict[str, str]:
    """What a run took and measured, as its line on record."""
    died = "" if "ClaimError" in (execution.failure or "") else execution.failure
    error = crash(notebook.cells) or died or ""
    claims = named(measurements(notebook)).items()
    values = {name: claim.measured + (MARK if claim.failed else "") for name, claim in claims}
    return {"seconds": f"{execution.seconds:.0f}", "megabytes": f"{execution.megabytes:.0f}", "error": error} | values


def failures(kept: Record, run: dict[str, str]) -> Iterator[str]:
    """What went wrong in a run, by the bounds of today."""
    if run["error"]:
        yield run["error"]
    for name, claim in kept.stated.items():
        if not (measured := run.get(name)):
            yield f"{name}: not reached"
        elif not holds(measured, claim):
            yield f"{name}: {measured.removesuffix(MARK)}, claimed {claim.relation} {claim.bound}"


def holds(measured: str, claim: Measurement) -> bool:
    """Whether a value on record meets the bound of a claim; one without a mark was printed to four digits."""
    if claim.relation == "=":
        return not measured.endswith(MARK)
    low, high = limits(claim.relation, claim.bound)
    value = number(measured)
    rounding = 0 if measured.endswith(MARK) else 5.1e-4 * abs(value)
    return low - rounding <= value <= high + rounding


def number(measured: str) -> float:
    """A value on record."""
    return float(measured.removesuffix(MARK))


def nearest(kept: Record) -> tuple[float, str]:
    """The smallest distance of a claim's mean from its bound, in standard deviations, and the claim.

    Each source of data in each numerical environment counts by itself: their means differ.
    """
    found = [(float("inf"), "")]
    for name, claim in kept.stated.items():
        for leg in product(DATA, NUMERICS):
            runs = [run for run in kept.runs if (run["data"], run["numerics"]) == leg]
            values = [number(run[name]) for run in runs if run.get(name)] if claim.relation != "=" else []
            if len(values) > 2:
                room = distance(values, *limits(claim.relation, claim.bound))
                found.append((room, f"{name} ({', '.join(leg)})"))
    return min(found)


def table(records: list[Record]) -> str:
    """The table of all records, as a page."""
    lines = [
        "# Soak",
        "",
        "Written by `make soak`: every claim under other seeds, on real data and on those that the course draws. Runs are",
        "counted by what computed: TensorFlow with oneDNN's kernels, without them, JAX. One thread a run. The distance is",
        "that of a claim's mean from its bound, in standard deviations over the seeds (in logarithms where the values are",
        "less skewed so). A notebook without a row has no run of its present code. Runs were carried over where nothing that",
        "a claim measures had changed. Four columns were added to them afterwards: in 11 the error of eight plain blocks,",
        "from the two claims beside it; in 08 the edge maps against the pixels and in 13 the first maps by hand, in which",
        "there is no chance, from one run of each source; in 17 what the KL alone leaves, from that training alone, run again",
        "with each seed.",
        "",
        "| notebook | claims | runs on real data | on drawn data | failed | MB (most) | nearest to its bound | distance |",
        "| --- | --: | --: | --: | --: | --: | --- | --: |",
    ]
    for kept in records:
        if not kept.runs:
            continue
        counts = (
            " + ".join(
                f"{sum((run['data'], run['numerics']) == (data, name) for run in kept.runs)}" for name in NUMERICS
            )
            for data in DATA
        )
        failed = sum(any(failures(kept, run)) for run in kept.runs)
        distance, name = nearest(kept)
        far = f"{distance:.1f}" if name else "fewer than 3 runs"
        lines.append(
            f"| {kept.path.stem} | {len(kept.stated)} | {' | '.join(counts)} | {failed} "
            f"| {max(float(run['megabytes']) for run in kept.runs):,.0f} | {name.replace('|', '&#124;')} | {far} |"
        )
    return "\n".join(lines) + "\n"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("notebooks", nargs="*", help="numbers or names; all by default")
    parser.add_argument("-n", type=int, default=20, help="the last seed; 20 by default")
    parser.add_argument("--first", type=int, default=1, help="the first seed; 1 by default")
    parser.add_argument("--data", choices=DATA, action="append", help="only on these data")
    parser.add_argument("--numerics", choices=NUMERICS, action="append", help="only in this numerical environment")
    parser.add_argument("--at-once", type=int, metavar="N", help="notebooks that run together")
    parser.add_argument("--table", action="store_true", help="write the table and run nothing")
    arguments = parser.parse_args()
    for name, value in (("-n", arguments.n), ("--first", arguments.first), ("--at-once", arguments.at_once)):
        if value is not None and value < 1:
            parser.error(f"{name} must be at least 1; got {value}")
    quiet_environment()
    records = {path: record(path) for path in chosen([])}
    mine = [records[path] for path in chosen(arguments.notebooks)]
    data = arguments.data or list(DATA)
    if not arguments.table and "real" in data and (reason := real_data_missing()):
        print(f"real data: left out, {reason}")
        data.remove("real")
    plan = [
        (kept, seed, source, numerics)
        for seed in range(arguments.first, arguments.n + 1)
        for source, numerics in product(data, arguments.numerics or ["oneDNN", "plain"])
        for kept in mine
        if not kept.has(seed, source, numerics)
    ]
    stopped = False
    if not arguments.table:
        print(f"{len(plan)} runs", flush=True)
        try:
            soak(plan, arguments.at_once or as_many_as_fit())
        except KeyboardInterrupt:
            stopped = True
            print("\nstopped; the same command goes on", flush=True)
    page = table(list(records.values()))
    safely.write(RECORDS.with_suffix(".md"), page)
    print(f"\n{page}")
    faults = [f"{kept.path.stem[:2]}: {fault}" for kept in mine for run in kept.runs for fault in failures(kept, run)]
    near = [
        f"{kept.path.stem[:2]}: {nearest(kept)[1]} is too near its bound" for kept in mine if nearest(kept)[0] < ENOUGH
    ]
    print("\n".join(faults + near))
    return safely.STOPPED if stopped else int(bool(faults or near))


if __name__ == "__main__":
    safely.run(main)

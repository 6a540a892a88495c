"""Run a notebook under many seeds: how far is each claim from its bound?

    python tools/seeds.py 04 -n 20

Replaces the seed of the setup cell, in memory, by 1 ... N. For each claim it prints how often it
failed, the worst value, the mean and the standard deviation, and how many standard deviations lie
between the mean and the bound, in logarithms where the values are less skewed so; fewer than 3.1 (a
failure in 1000, were it normal) is marked. Claims of equality have no spread and are only counted.
Exit status 1 if a claim failed or a run raised. Ctrl-C stops at once, with the exit status 130 and the table of the
seeds that are done.
"""

import argparse
import re
import statistics
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import nbformat
import numpy as np
import safely
from execution import NOTEBOOKS, Execution, chosen, execute, quiet_environment
from scipy.stats import skew

ENOUGH = 3.1  # standard deviations: one failure in 1000 on the bound's side of a normal distribution
CLAIM = re.compile(r"^✓ (?P<name>.*): (?P<measured>.+?) (?P<relation>[≤≥≈=]|in) (?P<bound>.+)$")
FAILED = re.compile(r"^(?P<name>.*): (?P<measured>.+?), claimed (?P<relation>[≤≥≈=]|in) (?P<bound>.+)$")


@dataclass
class Measurement:
    """One claim in one run."""

    name: str
    measured: str
    relation: str
    bound: str
    failed: bool


def measurements(notebook: nbformat.NotebookNode) -> list[Measurement]:
    """The claims in the outputs of an executed notebook, failed ones included."""
    found = []
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            if output.output_type == "error" and output.ename == "ClaimError":
                found += [
                    Measurement(**match.groupdict(), failed=True) for match in [FAILED.match(output.evalue)] if match
                ]
            for line in output.get("text", "").splitlines():
                found += [Measurement(**match.groupdict(), failed=False) for match in [CLAIM.match(line)] if match]
    return found


def limits(relation: str, bound: str) -> tuple[float, float]:
    """The lowest and the highest value that a bound accepts."""
    if relation == "in":
        low, high = bound.strip("[]").split(", ")
        return float(low), float(high)
    if relation == "≈":
        middle, tolerance = map(float, bound.split(" ± "))
        return middle - tolerance, middle + tolerance
    return (float(bound), float("inf")) if relation == "≥" else (float("-inf"), float(bound))


def distance(values: list[float], low: float, high: float) -> float:
    """The standard deviations between the mean of the values, two or more, and the nearer bound.

    Counted in logarithms where five or more, all positive, are less skewed so: a ratio with a long tail to the right
    is not near a bound on its left. What is positive never reaches a bound of 0 or below.
    """
    if np.ptp(values) <= 1e-9 * np.abs(values).max():
        return float("inf")  # always the same
    if len(values) >= 5 and min(values) > 0 and abs(skew(np.log(values))) < abs(skew(values)):
        values = np.log(values)
        low, high = (np.log(bound) if bound > 0 else float("-inf") for bound in (low, high))
    return min(np.mean(values) - low, high - np.mean(values)) / np.std(values, ddof=1)


def row(name: str, runs: list[Measurement]) -> str:
    """A line of the table."""
    failures = sum(run.failed for run in runs)
    if runs[0].relation == "=":
        return f"{name[:58]:58} {failures:3}/{len(runs):<3} exact"
    values = [float(run.measured) for run in runs]
    low, high = limits(runs[0].relation, runs[0].bound)
    worst = min(values, key=lambda value: min(value - low, high - value))
    mean, deviation = statistics.fmean(values), statistics.stdev(values) if len(values) > 1 else float("nan")
    room = distance(values, low, high) if len(values) > 1 else float("nan")
    mark = "  <-- too near" if room < ENOUGH or failures else ""
    return (
        f"{name[:58]:58} {failures:3}/{len(runs):<3} {worst:10.4g} {mean:10.4g} {deviation:10.2g}   "
        f"{runs[0].relation} {runs[0].bound:18} {room:8.1f}{mark}"
    )


def reseeded(notebook: nbformat.NotebookNode, seed: int) -> nbformat.NotebookNode:
    """The same notebook, with another seed in its setup cell."""
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.source = re.sub(r"(coursekit\.start\(seed=)\d+", rf"\g<1>{seed}", cell.source)
    return notebook


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("notebook", help="number or name")
    parser.add_argument("-n", type=int, default=20, help="how many seeds")
    arguments = parser.parse_args()
    if arguments.n < 1:
        parser.error(f"-n must be at least 1; got {arguments.n}")
    quiet_environment()
    [path] = chosen([arguments.notebook])
    return table(path, arguments.n)


def table(path: Path, n: int, folder: Path = NOTEBOOKS) -> int:
    """Run a notebook under the seeds 1 ... n and print the table; 1 if a claim failed, 130 if stopped."""
    claims: dict[str, list[Measurement]] = defaultdict(list)
    runs: list[Execution] = []
    stopped = False
    try:
        for seed in range(1, n + 1):
            notebook = reseeded(nbformat.read(path, as_version=4), seed)
            runs.append(execute(notebook, folder, keep_going=True))
            for found in measurements(notebook):
                claims[found.name].append(found)
            print(f"seed {seed}: {runs[-1].seconds:.1f} s {runs[-1].failure or 'ok'}", flush=True)
    except KeyboardInterrupt:
        stopped = True
        print(f"\nstopped: {len(runs)} of {n} seeds done", flush=True)
    if runs:
        print_rows(path.stem, runs, claims)
    return safely.STOPPED if stopped else int(any(run.failure for run in runs))


def print_rows(stem: str, runs: list[Execution], claims: dict[str, list[Measurement]]) -> None:
    """Print what the runs took and the row of each claim."""
    seconds = [run.seconds for run in runs]
    print(
        f"\n{stem}, {len(runs)} seeds: {min(seconds):.0f} ... {max(seconds):.0f} s, "
        f"up to {max(run.megabytes for run in runs):.0f} MB"
    )
    print(f"{'claim':58} {'failed':7} {'worst':>10} {'mean':>10} {'sd':>10}   {'bound':20} {'distance':>8} sd")
    for name, found in claims.items():
        print(row(name, found))


if __name__ == "__main__":
    safely.run(main)

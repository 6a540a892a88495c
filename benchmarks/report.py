"""results.md: one section a benchmark, each with its date, its versions and its machine; and records of long runs."""

import csv
import datetime
import io
import os
import platform
import re
import sys
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path

from coursekit.environment import say

sys.path.insert(0, str(Path(__file__).parents[1] / "tools"))

import safely

RESULTS = Path(__file__).with_name("results.md")
TITLE = """# Results

Each section is written by the script that it names. `make bench` runs all of them but `dropout.py`, `full.py`, `t4.py`,
`infogan.py alike` and `infogan.py paper`, which want a GPU or hours: start those with `.venv/bin/python benchmarks/...`.
"""


def publish(script: str, title: str, table: str, path: Path = RESULTS, machine: str | None = None) -> None:
    """Print a Markdown table, and put it into results.md in place of the section of that title.

    Args:
        machine: in words; by default this machine and the versions of its packages.
    """
    packages = ", ".join(f"{name} {version(name)}" for name in ("keras", "tensorflow", "numpy", "scikit-learn"))
    machine = machine or f"{_machine()}, Python {platform.python_version()}, {packages}"
    section = f"## {title}\n\n`benchmarks/{Path(script).name}`, {datetime.date.today():%d %B %Y}, {machine}\n\n{table.strip()}\n"
    say(f"\n{section}")
    old = path.read_text(encoding="utf-8") if path.exists() else TITLE
    head, *sections = re.split(r"^(?=## )", old, flags=re.M)
    kept = [text.strip() + "\n" for text in sections if not text.startswith(f"## {title}\n")]
    path.write_text("\n".join([head.strip() + "\n", *sorted([*kept, section])]), encoding="utf-8")


def rows(header: list[str], lines: list[list[str]]) -> str:
    """A Markdown table; the first column is text, the others are figures."""
    rule = ["---", *["--:"] * (len(header) - 1)]
    return "\n".join("| " + " | ".join(line) + " |" for line in [header, rule, *lines])


def recorded(record: Path) -> list[dict[str, str]]:
    """The runs in a CSV file, none if there is no file yet."""
    if not record.exists():
        return []
    with record.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def keep(record: Path, run: dict[str, str], same: Iterable[str]) -> None:
    """Put a run into a CSV file, in place of an older one that is equal in the columns ``same``; they sort the file."""
    same = list(same)
    kept = [other for other in recorded(record) if any(other[name] != run[name] for name in same)]
    text = io.StringIO()
    writer = csv.DictWriter(text, list(run), lineterminator="\n")
    writer.writeheader()
    writer.writerows(sorted([*kept, run], key=lambda run: [run[name] for name in same]))
    safely.write(record, text.getvalue())


def _machine() -> str:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    names = (
        re.findall(r"model name\s*:\s*(.+)", Path("/proc/cpuinfo").read_text(encoding="utf-8"))
        if Path("/proc/cpuinfo").exists()
        else []
    )
    return f"{names[0] if names else platform.machine()}, {cores} core" + "s" * (cores > 1)

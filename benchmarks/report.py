"""results.md: one section a benchmark, each with its date, its versions and its machine."""

import datetime
import os
import platform
import re
from importlib.metadata import version
from pathlib import Path

from coursekit.environment import say

RESULTS = Path(__file__).with_name("results.md")
TITLE = """# Results

Each section is written by the script that it names. `make bench` runs all of them but `dropout.py`, `full.py`, `infogan.py
alike` and `infogan.py paper`, which want a GPU or hours: start those with `.venv/bin/python benchmarks/...`.
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


def _machine() -> str:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    names = (
        re.findall(r"model name\s*:\s*(.+)", Path("/proc/cpuinfo").read_text(encoding="utf-8"))
        if Path("/proc/cpuinfo").exists()
        else []
    )
    return f"{names[0] if names else platform.machine()}, {cores} core" + "s" * (cores > 1)

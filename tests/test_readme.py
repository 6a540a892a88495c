"""README and CONTRIBUTING say what is so: running times, links, commands."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).parents[1]
PAGES = ["README.md", "CONTRIBUTING.md"]
ROW = re.compile(r"^\| (\d\d) \| \[.+?\]\(notebooks/(\S+)\) \| .+ \| (.*?) \| \[open\]\(\S+/(\S+)\) \|$", re.M)


def text(page):
    return (ROOT / page).read_text(encoding="utf-8")


def test_the_table_has_every_notebook_and_its_running_time():
    expected = []
    for path in sorted((ROOT / "notebooks").glob("*.ipynb")):
        opening = nbformat.read(path, as_version=4).cells[0].source
        seconds = re.search(r"\*Running time:\* about (\d+) seconds", opening)
        expected.append((path.stem[:2], path.name, f"{seconds[1]} s" if seconds else "", path.name))
    assert ROW.findall(text("README.md")) == expected


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page):
    links = re.findall(r"\]\(([^)\s]+)\)", text(page))
    assert links
    for link in links:
        assert link.startswith("https://") or (ROOT / link).exists(), link


@pytest.mark.parametrize("page", PAGES)
def test_commands_exist(page):
    targets = set(re.findall(r"^([a-z-]+):", text("Makefile"), re.M))
    commands = set(re.findall(r"(?:`|^|[a-z] )make ([a-z][a-z-]*)", text(page), re.M))
    assert len(commands) > 5
    assert commands <= targets


@pytest.mark.skipif(not shutil.which("make"), reason="there is no make")
def test_make_course_runs_what_the_command_line_names():
    own = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}

    def commands(*arguments):
        done = subprocess.run(
            ["make", "--dry-run", "course", *arguments],
            cwd=ROOT,
            env=own | {"PROFILE": "another program's", "NOTEBOOK": "99"},
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout.splitlines()

    assert commands()[-1].split() == [".venv/bin/python", "tools/build_course.py"]
    full = "COURSEKIT_PROFILE=full .venv/bin/python tools/build_course.py 03 05"
    assert commands("PROFILE=full", "NOTEBOOK=03 05")[-1] == full


def test_the_picture_is_small_and_described():
    [(alternative, path)] = re.findall(r"!\[(.+)\]\((.+)\)", text("README.md"))
    assert len(alternative) > 20
    assert (ROOT / path).stat().st_size <= 150_000

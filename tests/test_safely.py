"""The tools stop at once, leave nothing half done, and print on any console: tried as processes of their own."""

import ast
import importlib
import os
import shutil
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import nbformat
import psutil
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

ROOT = Path(__file__).parents[1]
PATIENCE = 180  # seconds, for a busy machine; everything here takes a few
QUICK = "print('✓ a claim: 1 ≤ 2')"
# The kernel and a process that it starts in a session of its own say who they are, then sleep.
SLEEP = """import os, pathlib, subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
pathlib.Path("pids.new").write_text(f"{os.getpid()} {child.pid}")
os.replace("pids.new", "pids")
time.sleep(600)"""


DECK = "../build/slides/01_quick.html"  # what is made last of the first notebook


def wait_for(name):
    """Code that waits for a file, then a second more: on a busy machine, too, its writer has counted it by then."""
    return f"import pathlib, time\nwhile not pathlib.Path({name!r}).exists():\n    time.sleep(0.05)\ntime.sleep(1)\n"


@pytest.fixture
def course(tmp_path):
    """A checkout of its own: the tools, and three notebooks of which the second sleeps."""
    shutil.copytree(ROOT / "tools", tmp_path / "tools", ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "tests").mkdir()
    shutil.copytree(ROOT / "tests" / "notebooks", tmp_path / "tests" / "notebooks")
    (tmp_path / "notebooks").mkdir()
    for stem, code in (("01_quick", QUICK), ("02_sleeps", SLEEP), ("03_never", QUICK)):
        cells = [new_markdown_cell(f"# {stem[:2]} · {stem[3:]} ✓"), new_code_cell(code)]
        nbformat.write(new_notebook(cells=cells), tmp_path / "notebooks" / f"{stem}.ipynb")
    return tmp_path


@pytest.fixture
def stopped(course):
    """Starts a tool, sends it a signal as soon as the kernel sleeps, and returns its status and output."""
    started = []

    def stop(number, *command):
        process = subprocess.Popen(
            [sys.executable, *command],
            cwd=course,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            env=os.environ | {"PYTHONUTF8": "1"},
            start_new_session=True,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),  # as in a terminal
        )
        started.append(process)
        sleeping = wait_until(lambda: pids(course))
        process.send_signal(number)
        output, _ = process.communicate(timeout=PATIENCE)
        assert wait_until(lambda: not any(psutil.pid_exists(pid) for pid in sleeping)), "a process is left behind"
        assert "Traceback" not in output and "KeyboardInterrupt" not in output, output
        return process.returncode, output

    yield stop
    for process in started:  # after a failed test
        if process.poll() is None:
            process.kill()
        for pid in pids(course):
            if psutil.pid_exists(pid):
                psutil.Process(pid).kill()


def rewrite(course, stem, code):
    path = course / "notebooks" / f"{stem}.ipynb"
    notebook = nbformat.read(path, as_version=4)
    notebook.cells[1].source = code
    nbformat.write(notebook, path)


def pids(course):
    path = course / "notebooks" / "pids"
    return [int(pid) for pid in path.read_text(encoding="utf-8").split()] if path.exists() else []


def wait_until(condition):
    end = time.monotonic() + PATIENCE
    while not (found := condition()) and time.monotonic() < end:
        time.sleep(0.05)
    return found


def stored(course):
    return {path.name: path.read_bytes() for path in (course / "notebooks").iterdir() if path.name != "pids"}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["Ctrl-C", "SIGTERM"])
def test_a_course_that_is_stopped_keeps_what_is_done(course, stopped, number):
    rewrite(course, "02_sleeps", wait_for(DECK) + SLEEP)
    before = stored(course)
    status, output = stopped(number, "tools/build_course.py", "--at-once", "1")
    assert status == 130
    assert "[1/3] 01_quick" in output and "[3/3]" not in output and "FAILED" not in output
    assert "\nstopped: 1 of 3 notebooks done; what is in build/ can be used\n" in output
    assert stored(course) == before
    files = {path.relative_to(course / "build").as_posix() for path in (course / "build").rglob("*") if path.is_file()}
    made = {name for name in files if not name.startswith("static/")}
    assert made == {"index.html", "notebooks/01_quick.ipynb", "pages/01_quick.html", "slides/01_quick.html"}
    for name in ("pages/01_quick.html", "slides/01_quick.html", "index.html"):
        page = (course / "build" / name).read_text(encoding="utf-8")
        assert page.rstrip().endswith("</html>")
    assert "01_quick.html" in page and "02_sleeps" not in page


def test_outputs_that_are_stopped_leave_the_stored_notebooks_whole(course, stopped):
    before = stored(course)
    status, output = stopped(signal.SIGINT, "tools/build_course.py", "--store", "--at-once", "1")
    assert status == 130
    assert "\nstopped: 1 of 3 notebooks done; the others are stored as they were\n" in output
    after = stored(course)
    assert set(after) == set(before)  # no file of its own
    assert {name for name in after if after[name] != before[name]} == {"01_quick.ipynb"}
    quick = nbformat.read(course / "notebooks" / "01_quick.ipynb", as_version=4)
    assert quick.cells[1].outputs[0].text == "✓ a claim: 1 ≤ 2\n"


def test_a_course_that_runs_several_notebooks_at_once_stops_them_all(course, stopped):
    others = course / "notebooks" / "others"
    rewrite(course, "03_never", SLEEP.replace("pids", others.name))
    rewrite(course, "02_sleeps", wait_for(DECK) + wait_for(others.name) + SLEEP)
    status, output = stopped(signal.SIGINT, "tools/build_course.py", "--at-once", "2")
    assert status == 130
    assert "[1/3] 01_quick" in output and "[2/3]" not in output
    assert "\nstopped: 1 of 3 notebooks done; what is in build/ can be used\n" in output
    sleeping = [int(pid) for pid in others.read_text(encoding="utf-8").split()]
    assert wait_until(lambda: not any(psutil.pid_exists(pid) for pid in sleeping)), "a process is left behind"


def test_seeds_that_are_stopped_print_the_table_so_far(course, stopped):
    path = course / "notebooks" / "02_sleeps.ipynb"
    setup = "class coursekit:\n    start = dict\nseed = coursekit.start(seed=9)['seed']"
    code = f"{setup}\nif seed == 3:\n{textwrap.indent(SLEEP, '    ')}\n{QUICK}"
    nbformat.write(new_notebook(cells=[new_code_cell(code)]), path)
    before = stored(course)
    status, output = stopped(signal.SIGTERM, "tools/seeds.py", "02", "-n", "5")
    assert status == 130
    assert "\nstopped: 2 of 5 seeds done\n" in output
    assert "\n02_sleeps, 2 seeds: " in output and "0/2 " in output
    assert stored(course) == before


def test_a_soak_that_is_stopped_goes_on_where_it_was(course, stopped):
    only = "02", "--data", "drawn", "--numerics", "plain", "--at-once", "1"
    path = course / "notebooks" / "02_sleeps.ipynb"
    setup = "import coursekit\ncoursekit.start = dict\nseed = coursekit.start(seed=9)['seed']"
    code = f"{setup}\nif seed == 3:\n{textwrap.indent(SLEEP, '    ')}\n{QUICK}"
    nbformat.write(new_notebook(cells=[new_code_cell(code)]), path)
    before = stored(course)
    status, output = stopped(signal.SIGINT, "tools/soak.py", *only, "-n", "5")
    assert status == 130
    assert "5 runs\n" in output and "\nstopped; the same command goes on\n" in output
    record = course / "benchmarks" / "soak" / "02_sleeps.csv"
    assert [line.split(",")[0] for line in record.read_text(encoding="utf-8").splitlines()] == ["seed", "1", "2"]
    again = subprocess.run(
        [sys.executable, "tools/soak.py", *only, "-n", "2"], cwd=course, capture_output=True, encoding="utf-8"
    )
    assert again.returncode == 0 and "0 runs\n" in again.stdout, again.stderr
    assert stored(course) == before


def test_a_comparison_that_is_stopped_leaves_no_process(course, stopped):
    before = stored(course)
    status, output = stopped(signal.SIGINT, "tools/check_notebooks.py")
    assert status == 130
    assert "s into this leg; nothing was changed" in output
    assert output.count("== notebooks,") == 1
    assert stored(course) == before


def test_pages_are_whole_on_a_console_that_is_not_utf8(course):
    environment = os.environ | {
        "LC_ALL": "C",
        "PYTHONCOERCECLOCALE": "0",
        "PYTHONIOENCODING": "ascii",
        "PYTHONUTF8": "0",
    }
    command = [sys.executable, "tools/build_course.py", "--render-only"]
    done = subprocess.run(command, cwd=course, env=environment, capture_output=True, timeout=PATIENCE)
    assert done.returncode == 0, done.stderr
    assert done.stdout == b"3 pages and decks: build/index.html\n"
    for name in ("pages/02_sleeps.html", "slides/02_sleeps.html", "index.html"):
        assert "02 · sleeps ✓" in (course / "build" / name).read_text(encoding="utf-8")


@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
def test_a_tool_prints_on_any_console(course, encoding):
    program = "import safely; safely.run(lambda: print('✓ α ≤ 2'))"
    environment = os.environ | {"PYTHONIOENCODING": encoding, "PYTHONUTF8": "0", "PYTHONPATH": "tools"}
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=course, env=environment, capture_output=True, timeout=PATIENCE
    )
    assert (done.returncode, done.stdout.split()) == (0, [b"?", b"?", b"?", b"2"]), done.stderr


@pytest.mark.parametrize(
    "error, said", [("errno.ENOSPC, 'No space left', 'page.html'", True), ("errno.ENOENT, 'No such file', 'x'", False)]
)
def test_a_full_disk_is_one_line(course, error, said):
    program = f"import errno, safely\ndef main():\n    raise OSError({error})\nsafely.run(main)"
    environment = os.environ | {"PYTHONPATH": "tools"}
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=course, env=environment, capture_output=True, text=True, timeout=PATIENCE
    )
    assert done.returncode == 1
    assert ("the disk is full: page.html\n" in done.stdout and not done.stderr) == said


def test_a_file_is_written_whole_or_not_at_all(monkeypatch, tmp_path):
    monkeypatch.syspath_prepend(str(ROOT / "tools"))
    safely = importlib.import_module("safely")
    path = tmp_path / "a folder" / "page.html"
    safely.write(path, "old ✓\n")
    monkeypatch.setattr(Path, "replace", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        safely.write(path, "new ✓\n")
    assert path.read_bytes() == "old ✓\n".encode()
    assert list(path.parent.iterdir()) == [path]


def test_every_text_file_is_read_and_written_in_utf8():
    """Calls of read_text and write_text; ruff looks at open."""
    missing = []
    folders = [ROOT / name for name in ("benchmarks", "coursekit", "docs", "tests", "tools")]
    for path in (path for folder in folders for path in folder.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "attr", "") in ("read_text", "write_text"):
                if "encoding" not in [keyword.arg for keyword in node.keywords]:
                    missing.append(f"{path.relative_to(ROOT)}:{node.lineno}")
    assert not missing

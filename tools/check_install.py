"""Install the package as Colab does, alone in a fresh environment, and run two notebooks with it.

    python tools/check_install.py             with the versions of constraints.txt
    python tools/check_install.py --newest    with the newest releases that pip finds
    python tools/check_install.py --colab 2.18.1 newest   the first cell itself, beside these releases of TensorFlow

Builds the wheel, installs it into a new venv and runs copies of the notebooks there, all in a
temporary folder and out of reach of this checkout. With --colab the venv has TensorFlow and Jupyter alone, and a
notebook's own first cell installs the rest, from a git repository, as it does on Colab: nothing that was there may
become older. Exit status 1 if a step fails. Needs a network.
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import nbformat
import safely
from execution import ROOT, chosen, execute, quiet_environment
from nbformat.v4 import new_code_cell

NUMPY_AND_KERAS = ["01", "20"]  # a notebook in NumPy and one that trains with Keras
WHERE = "import coursekit\nprint(coursekit.__file__)"
REMOVE = "import shutil, sys; shutil.rmtree(sys.argv[1], ignore_errors=True)"
OURS = ("COURSEKIT", "KERAS", "MPL", "PYTHON", "TF", "VIRTUAL_ENV")  # settings that a stranger does not have


class StepFailed(Exception):
    """What went wrong, in a line."""


def build_wheel(folder: Path, *options: str) -> Path:
    """Build the wheel from a copy of the sources, so that the checkout stays as it is.

    Raises:
        StepFailed: pip could not build it.
    """
    source = folder / "source"
    shutil.copytree(ROOT / "coursekit", source / "coursekit")
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    pip(sys.executable, "wheel", "--no-deps", "--wheel-dir", str(folder), *options, str(source))
    [wheel] = folder.glob("coursekit-*.whl")
    return wheel


def pip(python: str, *arguments: str) -> None:
    """Run pip, which says only what fails.

    Raises:
        StepFailed: its exit status is not 0.
    """
    command = [python, "-m", "pip", *arguments, "--quiet", "--quiet"]
    if safely.call(command, cwd=tempfile.gettempdir(), env=strangers_environment()):
        raise StepFailed(f"pip {arguments[0]}; its message is above")


def fresh_environment(folder: Path, wheel: Path, constraints: Path | None) -> str:
    """Make a venv with the wheel and what it declares; its Python.

    Raises:
        StepFailed: the venv could not be made, or pip could not install into it.
    """
    if safely.call([sys.executable, "-m", "venv", str(folder)]):
        raise StepFailed("python -m venv; its message is above")
    python = str(folder / "bin" / "python")
    limits = ["--constraint", str(constraints)] if constraints else []
    pip(python, "install", "--no-compile", *limits, str(wheel))
    return python


def run(path: Path, folder: Path, python: str, address: str | None = None) -> None:
    """Run a copy of the notebook in that Python, in that folder; ``address``: where its first cell installs from.

    Raises:
        StepFailed: a cell raised, or coursekit came from somewhere else.
    """
    notebook = nbformat.read(path, as_version=4)
    notebook.cells.append(new_code_cell(WHERE))
    if address:
        setup = next(cell for cell in notebook.cells if cell.cell_type == "code")
        setup.source = "import google.colab\n" + re.sub(r"git\+https\S+", address, setup.source)
    environment = {"COURSEKIT_DIGITS": "stroke_digits", "COURSEKIT_PHOTOS": "drawn_pets", "COURSEKIT_PROFILE": "quick"}
    result = execute(notebook, folder, python=python, environment=strangers_environment() | environment)
    if result.failure:
        raise StepFailed(f"{path.stem}, {result.failure}")
    found = Path(notebook.cells[-1].outputs[0].text.strip())
    if Path(python).parents[1].resolve() not in found.resolve().parents:
        raise StepFailed(f"{path.stem}: coursekit was imported from {found}")


def strangers_environment() -> dict[str, str]:
    """The variables of this process less the course's own."""
    return {name: value for name, value in os.environ.items() if not name.startswith(OURS)} | {"PYTHONNOUSERSITE": "1"}


def installed(python: str) -> dict[str, str]:
    """The packages of an environment and their versions."""
    listing = subprocess.check_output([python, "-m", "pip", "list", "--format=json"], stderr=subprocess.DEVNULL)
    return {package["name"]: package["version"] for package in json.loads(listing)}


def differences(versions: dict[str, str], constraints: str) -> list[str]:
    """In words, each package whose version is not the pinned one."""
    pinned = {_plain(name): version for name, version in re.findall(r"^([^#\s=]+)==(\S+)", constraints, re.M)}
    return [
        f"{name} {version} ({pinned.get(_plain(name), 'not')} pinned)"
        for name, version in versions.items()
        if name not in ("coursekit", "pip", "setuptools") and pinned.get(_plain(name)) != version
    ]


def _plain(name):
    return re.sub(r"[-_.]+", "-", name).lower()


def check(folder: Path, constraints: Path | None) -> None:
    """All steps in turn, a line each.

    Raises:
        StepFailed: one of them went wrong.
    """
    start = time.monotonic()

    def done(step):
        print(f"{time.monotonic() - start:6.0f} s  {step}", flush=True)

    wheel = build_wheel(folder)
    done(f"built {wheel.name}")
    python = fresh_environment(folder / "venv", wheel, constraints)
    versions = installed(python)
    done(f"installed it and {len(versions) - 1} packages")
    if not constraints:
        for difference in differences(versions, (ROOT / "constraints.txt").read_text(encoding="utf-8")):
            print(f"          {difference}")
    elsewhere = folder / "elsewhere"
    elsewhere.mkdir()
    for path in chosen(NUMPY_AND_KERAS):
        run(path, elsewhere, python)
        done(f"ran {path.name}")


def check_colab(folder: Path, tensorflow: str) -> None:
    """Let a notebook install the course where there is TensorFlow and Jupyter alone, a line for each step.

    Args:
        folder: for all that is made.
        tensorflow: a release, or "newest".

    Raises:
        StepFailed: the notebook failed, or a package that was there is older now.
    """
    python = str(folder / "venv" / "bin" / "python")
    if safely.call([sys.executable, "-m", "venv", str(folder / "venv")]):
        raise StepFailed("python -m venv; its message is above")
    pip(python, "install", "--no-compile", "ipykernel", "tensorflow" + f"=={tensorflow}" * (tensorflow != "newest"))
    [site] = (folder / "venv" / "lib").glob("python*/site-packages")
    (site / "google" / "colab").mkdir(parents=True)  # by which the first cell knows where it is
    (site / "google" / "colab" / "__init__.py").touch()
    before = installed(python)
    print(f"        tensorflow {before['tensorflow']}, keras {before['keras']}, numpy {before['numpy']}", flush=True)

    [path] = chosen(NUMPY_AND_KERAS[:1])
    elsewhere = folder / "elsewhere"
    elsewhere.mkdir()
    run(path, elsewhere, python, address=f"git+file://{repository(folder)}")
    after = installed(python)
    changed = {name: (version, after.get(name)) for name, version in before.items() if after.get(name) != version}
    print(f"        its first cell added {len(after.keys() - before.keys())} packages, and {path.stem} ran", flush=True)
    if changed:
        raise StepFailed("it changed " + ", ".join(f"{name} {old} to {new}" for name, (old, new) in changed.items()))


def repository(folder: Path) -> Path:
    """A git repository of the sources as they are."""
    copy = folder / "course"
    shutil.copytree(ROOT / "coursekit", copy / "coursekit", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, copy)
    who = ["-c", "user.name=course", "-c", "user.email=course@localhost"]
    for command in (["init", "--quiet"], ["add", "."], [*who, "commit", "--quiet", "--message", "as it is"]):
        if safely.call(["git", *command], cwd=copy):
            raise StepFailed(f"git {command[0]}; its message is above")
    return copy


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--constraints", type=Path, default=ROOT / "constraints.txt", help="the versions to install")
    parser.add_argument("--newest", action="store_true", help="the newest releases instead")
    parser.add_argument("--colab", nargs="+", metavar="RELEASE", help="of TensorFlow, such as 2.18.1 or newest")
    arguments = parser.parse_args()
    quiet_environment()
    if arguments.colab:
        steps = [
            (f"as on Colab, TensorFlow {release}", lambda folder, release=release: check_colab(folder, release))
            for release in arguments.colab
        ]
        return max(attempt(title, "", step) for title, step in steps)
    title, remark = ("newest releases", " (does not block)") if arguments.newest else ("install", "")
    constraints = None if arguments.newest else arguments.constraints.resolve()
    return attempt(title, remark, lambda folder: check(folder, constraints))


def attempt(title: str, remark: str, steps: Callable[[Path], None]) -> int:
    """Take the steps in a folder that is removed afterwards, and say how they went; the exit status."""
    print(f"\n== {title}", flush=True)
    folder = tempfile.mkdtemp()
    try:
        steps(Path(folder))
        print(f"{title}: ok", flush=True)
        status = 0
    except StepFailed as failure:
        print(f"{title}: FAILED{remark}: {failure}", flush=True)
        status = 1
    finally:  # gigabytes; a process of its own goes on with it when Ctrl-C ends this one
        nowhere = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        removal = subprocess.Popen([sys.executable, "-c", REMOVE, folder], start_new_session=True, **nowhere)
    removal.wait()
    return status


if __name__ == "__main__":
    safely.run(main)

"""What a stranger installs and meets first: the wheel, the setup cell outside this checkout, the Python."""

import importlib
import importlib.util
import re
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path
from types import ModuleType

import nbformat
import pytest
from IPython.core.inputtransformer2 import TransformerManager

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


@pytest.fixture
def tools(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "tools"))
    return {name: importlib.import_module(name) for name in ("check_install", "check_python")}


def package_files():
    files = {path.relative_to(ROOT).as_posix() for path in (ROOT / "coursekit").rglob("*") if path.is_file()}
    return {name for name in files if "__pycache__" not in name}


def test_the_wheel_holds_every_file_of_the_package_and_nothing_else(tools, tmp_path):
    wheel = zipfile.ZipFile(tools["check_install"].build_wheel(tmp_path, "--no-build-isolation", "--no-index"))
    about = f"coursekit-{PROJECT['version']}.dist-info/"
    assert {name for name in wheel.namelist() if not name.startswith(about)} == package_files()
    assert "coursekit/plotting/course.mplstyle" in wheel.namelist()
    assert wheel.read(f"{about}licenses/LICENSE") == (ROOT / "LICENSE").read_bytes()
    # setuptools sorts the bounds
    assert re.search(
        r"^Requires-Python: (>=3\.11,<3\.14|<3\.14,>=3\.11)$", wheel.read(f"{about}METADATA").decode(), re.M
    )

    build = "import setuptools.build_meta as backend; backend.build_sdist('.')"
    source = tmp_path / "source"
    subprocess.run([sys.executable, "-c", build], cwd=source, check=True, capture_output=True, timeout=120)
    [archive] = source.glob("*.tar.gz")
    with tarfile.open(archive) as sdist:
        names = {name.partition("/")[2] for name in sdist.getnames()}
    assert package_files() | {"LICENSE", "README.md", "pyproject.toml"} <= names


def test_versions_that_differ_from_the_pinned_ones_are_named(tools):
    installed = {
        "Keras": "3.15",
        "ml_dtypes": "0.6",
        "new-one": "1.0",
        "numpy": "2.5",
        "pip": "30",
        "setuptools": "65",
        "coursekit": "0.1",
    }
    pinned = "# numpy==1\nkeras==3.15\nml-dtypes==0.6\nnumpy==2.4\nunused==1\n"
    assert tools["check_install"].differences(installed, pinned) == [
        "new-one 1.0 (not pinned)",
        "numpy 2.5 (2.4 pinned)",
    ]


@pytest.fixture
def setup_cell(monkeypatch):
    """Runs what a setup cell does before its imports, where coursekit is or is not; the magics it called."""
    monkeypatch.delenv("KAGGLE_KERNEL_RUN_TYPE", raising=False)
    notebook = nbformat.read(ROOT / "notebooks" / "01_artificial_neuron.ipynb", as_version=4)
    cell = next(cell.source for cell in notebook.cells if cell.cell_type == "code")
    beginning = cell[: cell.index("\n\n", cell.index("%pip"))]

    def run(installed):
        calls = []
        shell = type("Shell", (), {"run_line_magic": staticmethod(lambda *call: calls.append(call))})
        with monkeypatch.context() as patch:
            if not installed:
                patch.setattr(importlib.util, "find_spec", lambda name: None)
            exec(TransformerManager().transform_cell(beginning), {"get_ipython": lambda: shell})
        return calls

    return run


def test_the_setup_cell_installs_nothing_where_coursekit_is(setup_cell):
    assert setup_cell(installed=True) == []


def test_the_setup_cell_says_what_to_do_in_a_kernel_without_coursekit(setup_cell):
    with pytest.raises(ModuleNotFoundError, match="no coursekit in this kernel; `make lab`"):
        setup_cell(installed=False)


@pytest.mark.parametrize("place", ["Colab", "Kaggle"])
def test_the_setup_cell_installs_coursekit_on_colab_and_kaggle(setup_cell, monkeypatch, place):
    if place == "Colab":
        monkeypatch.setitem(sys.modules, "google.colab", ModuleType("google.colab"))
    else:
        monkeypatch.setenv("KAGGLE_KERNEL_RUN_TYPE", "Interactive")
    assert setup_cell(installed=False) == [("pip", f"install -q git+{PROJECT['urls']['Repository']}")]
    assert setup_cell(installed=True) == []


@pytest.mark.parametrize(
    ("version", "system", "machine", "words"),
    [
        ((3, 10), "linux", "x86_64", r"needs Python 3\.11 to 3\.13, and this is 3\.10\. Try: make lab PYTHON="),
        ((3, 14), "linux", "x86_64", r"no release for Python 3\.14 yet; the course needs Python 3\.11 to 3\.13\. Try"),
        ((3, 12), "darwin", "x86_64", r"no release for Macs with an Intel processor; .* Colab"),
        ((3, 14), "darwin", "x86_64", r"no release for Macs with an Intel processor"),
        ((3, 11), "linux", "x86_64", "^$"),
        ((3, 13), "darwin", "arm64", "^$"),
        ((3, 12), "linux", "aarch64", "^$"),
    ],
)
def test_a_python_without_tensorflow_is_refused_in_words(tools, monkeypatch, version, system, machine, words):
    check = tools["check_python"]
    monkeypatch.setattr(sys, "version_info", (*version, 1, "final", 0))
    monkeypatch.setattr(sys, "platform", system)
    monkeypatch.setattr(check.platform, "machine", lambda: machine)
    assert re.search(words, check.reason())


def test_every_file_names_the_same_pythons(tools):
    oldest, newest = tools["check_python"].OLDEST, tools["check_python"].NEWEST
    bounds = f">={oldest[0]}.{oldest[1]},<{newest[0]}.{newest[1] + 1}"
    assert PROJECT["requires-python"] == bounds
    assert f"- python{bounds}\n" in (ROOT / "environment.yml").read_text(encoding="utf-8")
    versions = ", ".join(f'"{newest[0]}.{minor}"' for minor in range(oldest[1], newest[1] + 1))
    assert f"[{versions}]" in (ROOT / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8")

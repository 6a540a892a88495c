"""Profiles, devices, backends and consoles."""

import json
import re

import keras
import matplotlib
import pytest

import coursekit
from coursekit import environment


@pytest.fixture(autouse=True)
def defaults(monkeypatch):
    """The defaults of a machine without a GPU, with digits that need no network."""
    monkeypatch.delenv("COURSEKIT_PROFILE", raising=False)
    monkeypatch.setenv("COURSEKIT_DIGITS", "stroke_digits")
    with matplotlib.rc_context():  # start() sets the style for good
        yield


@pytest.mark.parametrize(
    "backend, error",
    [
        ("torch", "KERAS_BACKEND must be one of tensorflow, jax; got 'torch'"),
        ("tensorlfow", "KERAS_BACKEND must be one of tensorflow, jax; got 'tensorlfow'"),
        ("numpy", "KERAS_BACKEND must be one of tensorflow, jax; got 'numpy'"),
    ],
)
def test_another_backend_is_named(backend, error, run_python):
    done = run_python("import coursekit; coursekit.start(seed=1)", KERAS_BACKEND=backend, succeed=False)
    assert done.returncode == 1 and f"ValueError: {error}" in done.stderr


@pytest.mark.parametrize(
    "backend, error",
    [
        ("numpy", "set by KERAS_BACKEND or keras.json, must be one of tensorflow, jax; got 'numpy'"),
        ("nonsense", '"backend" in keras.json asks for cannot be imported'),
    ],
)
def test_another_backend_in_keras_json(backend, error, tmp_path, run_python):
    (tmp_path / "keras.json").write_text(json.dumps({"backend": backend}), encoding="utf-8")
    done = run_python(
        "import os; os.environ.pop('KERAS_BACKEND', 0); import coursekit; coursekit.start(seed=1)",
        KERAS_HOME=str(tmp_path),
        succeed=False,
    )
    assert done.returncode == 1 and error in done.stderr


def test_a_keras_that_was_imported_before(monkeypatch):
    monkeypatch.setattr(keras.backend, "backend", lambda: "torch")
    with pytest.raises(ValueError, match="the backend of Keras.* must be one of tensorflow, jax; got 'torch'"):
        coursekit.start(seed=1)


def test_a_backend_that_is_not_installed(run_python):
    done = run_python(
        "import sys; sys.modules['jax'] = None\nimport coursekit; coursekit.start(seed=1)",
        KERAS_BACKEND="jax",
        succeed=False,
    )
    assert "ImportError: the backend that KERAS_BACKEND, jax, asks for cannot be imported: " in done.stderr


@pytest.mark.parametrize("asked, said", [("jax", True), ("tensorflow", False), ("", False)])
def test_a_notebook_gets_the_backend_that_it_needs(asked, said, run_python):
    """And the student is told, in the one line, what it runs with instead."""
    done = run_python("import coursekit; coursekit.start(seed=1, needs='tensorflow')", KERAS_BACKEND=asked)
    (line,) = done.stdout.splitlines()
    assert f"Keras {keras.version()} with tensorflow{', which this notebook needs, instead of jax,' * said} on " in line
    assert done.stderr == ""


def test_the_backend_of_a_keras_json_gives_way_too(tmp_path, run_python):
    (tmp_path / "keras.json").write_text(json.dumps({"backend": "jax"}), encoding="utf-8")
    for needs, with_which in (
        ("'tensorflow'", "tensorflow, which this notebook needs, instead of jax, on"),
        ("None", "jax on"),
    ):
        done = run_python(
            f"import os; os.environ.pop('KERAS_BACKEND', 0)\nimport coursekit; coursekit.start(seed=1, needs={needs})",
            KERAS_HOME=str(tmp_path),
            JAX_PLATFORMS="cpu",
        )
        assert f" with {with_which} CPU" in done.stdout and done.stderr == ""


def test_a_backend_that_is_needed_too_late(run_python):
    done = run_python(
        "import keras, coursekit; coursekit.start(seed=1, needs='tensorflow')",
        KERAS_BACKEND="jax",
        JAX_PLATFORMS="cpu",
        succeed=False,
    )
    assert (
        "ValueError: this notebook needs Keras with tensorflow, and Keras already runs with jax: restart" in done.stderr
    )
    with pytest.raises(ValueError, match="needs must be one of tensorflow, jax; got 'torch'"):
        coursekit.start(seed=1, needs="torch")


def test_a_gpu_that_is_not_used_is_named(monkeypatch):
    monkeypatch.setattr(environment.Path, "exists", lambda path: str(path) == "/dev/nvidia0")
    assert re.fullmatch(
        r"CPU, \d+ cores? \(there is an NVIDIA GPU, .* see README, \"With a GPU\"\)", environment.device()
    )


@pytest.mark.parametrize("encoding", ["ascii", "cp437", "cp1252", "utf-8"])
def test_any_console_can_show_the_course(encoding, run_python):
    done = run_python(
        "import coursekit; coursekit.start(seed=1); coursekit.claim('a', 1, at_least=0)\n"
        "coursekit.claim('b', 0.5, equals=0.5, tolerance=0.1)\n"
        "from coursekit.plotting import LiveFigure; LiveFigure(1)(0, {'loss': 1.0})",
        PYTHONIOENCODING=encoding,
        PYTHONUTF8="0",
    )
    assert done.returncode == 0, done.stderr
    signs = ("✓", "≥", "≈", "±") if encoding == "utf-8" else ("ok", ">=", "~", "+-")
    assert "{} a: 1 {} 0".format(*signs) in done.stdout
    assert "0.5 {} 0.5 {} 0.1".format(*signs[2:]) in done.stdout
    assert ("█" if encoding in ("utf-8", "cp437") else "#") in done.stdout


@pytest.mark.parametrize("value, expected", [("quick", "quick"), ("full", "full"), ("", "quick")])
def test_profile_of_the_environment(monkeypatch, value, expected):
    monkeypatch.setenv("COURSEKIT_PROFILE", value)
    assert environment.profile() == expected


@pytest.mark.parametrize("value", ["fast", "Quick", "full "])
def test_a_bad_profile_is_named_with_the_good_ones(monkeypatch, value):
    monkeypatch.setenv("COURSEKIT_PROFILE", value)
    with pytest.raises(ValueError, match=f"COURSEKIT_PROFILE must be one of quick, full; got '{value}'"):
        coursekit.start(1)


def test_a_gpu_means_the_full_profile_unless_asked_otherwise(monkeypatch):
    monkeypatch.setattr(keras.distribution, "list_devices", lambda: ["gpu:0", "gpu:1"])
    assert coursekit.start(1).profile == "full"
    assert coursekit.start(1).device == "2 GPUs"
    monkeypatch.setenv("COURSEKIT_PROFILE", "quick")
    assert coursekit.start(1).profile == "quick"

"""The set-up of a run, and what every public name owes its reader."""

import importlib
import inspect
import json
import os
import pkgutil
import platform
import random
import re
import subprocess
import sys
import typing

import keras
import matplotlib
import numpy as np
import pytest

import coursekit
from coursekit import data, environment


@pytest.fixture(autouse=True)
def defaults(monkeypatch):
    """The defaults of a machine without a GPU, with digits that need no network."""
    monkeypatch.delenv("COURSEKIT_PROFILE", raising=False)
    monkeypatch.setenv("COURSEKIT_DIGITS", "stroke_digits")
    with matplotlib.rc_context():  # start() sets the style for good
        yield


def run_python(code, **environment):
    environment = os.environ | {"PYTHONIOENCODING": "utf-8"} | environment
    return subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        env=environment,
        encoding=environment["PYTHONIOENCODING"],
    )


def fresh_python(code, **environment):
    done = run_python(code, **environment)
    assert done.returncode == 0, done.stderr
    return done


def test_start_prints_one_line_and_nothing_else_does():
    """Not even TensorFlow, which logs from C++ at its import and at its first operation."""
    done = fresh_python(
        "import coursekit; coursekit.start(seed=7); import keras; keras.ops.matmul(*[keras.ops.ones((2, 2))] * 2)",
        COURSEKIT_PROFILE="full",
    )
    assert done.stderr == ""
    (line,) = done.stdout.splitlines()
    for fact in (
        f"coursekit {coursekit.__version__}",
        f"Python {platform.python_version()}",
        f"Keras {keras.version()}",
        keras.backend.backend(),
        "CPU",
        "profile full",
        "seed 7",
        "digits: stroke_digits",
    ):
        assert fact in line


def test_importing_coursekit_is_light_and_silent():
    done = fresh_python("import sys, coursekit; print(*{name.split('.')[0] for name in sys.modules})")
    (modules,) = done.stdout.splitlines()
    assert {"keras", "tensorflow", "matplotlib"}.isdisjoint(modules.split())
    assert done.stderr == ""


def draws():
    return [random.random(), *np.random.normal(size=3), *keras.ops.convert_to_numpy(keras.random.normal((3,)))]


def test_the_seed_decides_every_random_choice():
    first, again, other = (coursekit.start(seed) and draws() for seed in (3, 3, 4))
    assert first == again
    assert all(a != b for a, b in zip(first, other))


def test_start_names_the_source_of_digits_and_why(capsys):
    coursekit.start(0)
    source = data.digits_source()
    assert f"digits: {source.name} ({source.reason})" in capsys.readouterr().out


@pytest.mark.parametrize(
    "setting, other, ours", [("image_data_format", "channels_first", "channels_last"), ("floatx", "float64", "float32")]
)
def test_start_says_what_it_sets_otherwise(setting, other, ours, capsys):
    """As a keras.json of an old course may have it."""
    getattr(keras.config, f"set_{setting}")(other)
    coursekit.start(0)
    assert getattr(keras.config, setting)() == ours
    assert f", {setting} {ours} instead of your Keras' {other} · profile" in capsys.readouterr().out
    coursekit.start(0)
    assert "instead" not in capsys.readouterr().out


@pytest.mark.parametrize(
    "backend, error",
    [
        ("torch", "KERAS_BACKEND must be one of tensorflow, jax; got 'torch'"),
        ("tensorlfow", "KERAS_BACKEND must be one of tensorflow, jax; got 'tensorlfow'"),
        ("numpy", "KERAS_BACKEND must be one of tensorflow, jax; got 'numpy'"),
    ],
)
def test_another_backend_is_named(backend, error):
    done = run_python("import coursekit; coursekit.start(seed=1)", KERAS_BACKEND=backend)
    assert done.returncode == 1 and f"ValueError: {error}" in done.stderr


@pytest.mark.parametrize(
    "backend, error",
    [
        ("numpy", "\"backend\" in keras.json must be one of tensorflow, jax; got 'numpy'"),
        ("nonsense", '"backend" in keras.json asks for cannot be imported'),
    ],
)
def test_another_backend_in_keras_json(backend, error, tmp_path):
    (tmp_path / "keras.json").write_text(json.dumps({"backend": backend}), encoding="utf-8")
    done = run_python(
        "import os; os.environ.pop('KERAS_BACKEND', 0); import coursekit; coursekit.start(seed=1)",
        KERAS_HOME=str(tmp_path),
    )
    assert done.returncode == 1 and error in done.stderr


def test_a_backend_that_is_not_installed():
    done = run_python(
        "import sys; sys.modules['jax'] = None\nimport coursekit; coursekit.start(seed=1)", KERAS_BACKEND="jax"
    )
    assert "ImportError: the backend that KERAS_BACKEND, jax, asks for cannot be imported: " in done.stderr


def test_a_gpu_that_is_not_used_is_named(monkeypatch):
    monkeypatch.setattr(environment.Path, "exists", lambda path: str(path) == "/dev/nvidia0")
    assert re.fullmatch(
        r"CPU, \d+ cores? \(there is an NVIDIA GPU, .* see README, \"With a GPU\"\)", environment.device()
    )


@pytest.mark.parametrize("encoding", ["ascii", "cp437", "cp1252", "utf-8"])
def test_any_console_can_show_the_course(encoding):
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


@pytest.mark.parametrize("seed", [0, 2**32 - 1])
def test_run_holds_what_was_asked(seed):
    run = coursekit.start(seed)
    assert (run.seed, run.profile) == (seed, "quick")
    assert re.fullmatch(r"CPU, \d+ cores?", run.device)
    with pytest.raises(AttributeError):
        run.seed = 5


@pytest.mark.parametrize("seed", [1.0, "1", None, True])
def test_a_seed_that_is_no_integer(seed):
    with pytest.raises(TypeError, match="seed"):
        coursekit.start(seed)


@pytest.mark.parametrize("seed", [-1, 2**32])
def test_a_seed_out_of_range(seed):
    with pytest.raises(ValueError, match="seed"):
        coursekit.start(seed)


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


@pytest.mark.parametrize("profile, expected", [("quick", 3), ("full", 20)])
def test_pick(profile, expected):
    assert coursekit.Run(seed=1, profile=profile, device="CPU").pick(quick=3, full=20) == expected


def public_objects():
    modules = [coursekit] + [
        importlib.import_module(found.name)
        for found in pkgutil.walk_packages(coursekit.__path__, "coursekit.")
        if not found.name.endswith("__main__")
    ]
    for module in modules:
        for name in getattr(module, "__all__", []):
            yield f"{module.__name__}.{name}", getattr(module, name)


def functions_of(name, thing):
    """A public function itself, or the methods that a public class of ours writes."""
    if inspect.isfunction(thing):
        yield name, thing
    elif inspect.isclass(thing):
        for key, member in vars(thing).items():
            function = member.fget if isinstance(member, property) else getattr(member, "__func__", member)
            ours = inspect.isfunction(function) and function.__code__.co_filename.startswith(*coursekit.__path__)
            if ours and (not key.startswith("_") or key in ("__init__", "__call__")):
                yield f"{name}.{key}", function


def test_every_public_name_has_a_docstring():
    assert [name for name, thing in public_objects() if not inspect.getdoc(thing)] == []


def test_every_public_function_is_annotated_in_full():
    bare = []
    for name, thing in public_objects():
        for where, function in functions_of(name, thing):
            wanted = set(inspect.signature(function).parameters) - {"self", "cls"}
            wanted |= set() if where.endswith("__init__") else {"return"}
            bare += [f"{where}: {missing}" for missing in sorted(wanted - set(typing.get_type_hints(function)))]
    assert bare == []

"""The set-up of a run, and what every public name owes its reader."""

import importlib
import inspect
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


def fresh_python(code, **environment):
    return subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=True,
        env=os.environ | {"PYTHONIOENCODING": "utf-8"} | environment,
    )


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


def test_fit_gets_the_same_batches_without_the_autotuner():
    from keras.src.trainers.data_adapters.array_data_adapter import ArrayDataAdapter

    for _ in range(2):  # a second start adds nothing
        coursekit.start(seed=1)
    x = np.arange(100)
    pipelines = {"ours": ArrayDataAdapter.get_tf_dataset, "Keras'": ArrayDataAdapter.get_tf_dataset.__wrapped__}
    batches = {}
    for name, make in pipelines.items():
        keras.utils.set_random_seed(2)
        pipeline = make(ArrayDataAdapter(x, batch_size=7, shuffle=True))
        assert pipeline.options().autotune.enabled is (False if name == "ours" else None)
        batches[name] = [batch[0].tolist() for batch in pipeline.as_numpy_iterator()]
    assert batches["ours"] == batches["Keras'"] and len(batches["ours"]) == 15
    assert not hasattr(pipelines["Keras'"], "__wrapped__")


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

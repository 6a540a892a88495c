"""The set-up of a run."""

import platform
import random
import re

import keras
import matplotlib
import numpy as np
import pytest

import coursekit
from coursekit import data


@pytest.fixture(autouse=True)
def defaults(monkeypatch):
    """The defaults of a machine without a GPU, with digits that need no network."""
    monkeypatch.delenv("COURSEKIT_PROFILE", raising=False)
    monkeypatch.setenv("COURSEKIT_DIGITS", "stroke_digits")
    with matplotlib.rc_context():  # start() sets the style for good
        yield


def test_start_prints_one_line_and_nothing_else_does(run_python):
    """Not even TensorFlow, which logs from C++ at its import and at its first operation."""
    done = run_python(
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


def test_importing_coursekit_is_light_and_silent(run_python):
    done = run_python("import sys, coursekit; print(*{name.split('.')[0] for name in sys.modules})")
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


@pytest.mark.parametrize("profile, expected", [("quick", 3), ("full", 20)])
def test_pick(profile, expected):
    assert coursekit.Run(seed=1, profile=profile, device="CPU").pick(quick=3, full=20) == expected

"""Claims: what they print, what they accept and what they refuse."""

import math

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from coursekit import ClaimError, claim

nan, inf = float("nan"), float("inf")
numbers = st.floats(allow_nan=False)


@pytest.mark.parametrize(
    "measured, bound, line",
    [
        (0.0093, {"at_most": 0.02}, "✓ name: 0.0093 ≤ 0.02"),
        (0.98123, {"at_least": 0.95}, "✓ name: 0.9812 ≥ 0.95"),
        (0.52, {"between": (0.4, 0.6)}, "✓ name: 0.52 in [0.4, 0.6]"),
        (0.25, {"equals": 0.25, "tolerance": 1e-6}, "✓ name: 0.25 ≈ 0.25 ± 1e-06"),
        (61706, {"equals": 61706}, "✓ name: 61706 = 61706"),
        (62378344, {"at_least": 100}, "✓ name: 62378344 ≥ 100"),
        (3.2e-9, {"at_most": 1e-6}, "✓ name: 3.2e-09 ≤ 1e-06"),
        ((120, 84), {"equals": (120, 84)}, "✓ name: (120, 84) = (120, 84)"),
        ("LeNet-5", {"equals": "LeNet-5"}, "✓ name: LeNet-5 = LeNet-5"),
        (True, {"equals": True}, "✓ name: True = True"),
        (False, {"equals": False}, "✓ name: False = False"),
        (0, {"equals": 0}, "✓ name: 0 = 0"),
        (inf, {"at_least": inf}, "✓ name: inf ≥ inf"),
        (inf, {"between": (3, inf)}, "✓ name: inf in [3, inf]"),
        (-inf, {"equals": -inf}, "✓ name: -inf = -inf"),
        ((np.int64(120), np.int64(84)), {"equals": (120, 84)}, "✓ name: (120, 84) = (120, 84)"),
    ],
)
def test_a_claim_that_holds_prints_one_line(capsys, measured, bound, line):
    claim("name", measured, **bound)
    assert capsys.readouterr().out == line + "\n"


@pytest.mark.parametrize(
    "measured, bound, message",
    [
        (0.0305, {"at_most": 0.02}, "name: 0.0305, claimed ≤ 0.02"),
        (0.9, {"at_least": 0.95}, "name: 0.9, claimed ≥ 0.95"),
        (0.7, {"between": (0.4, 0.6)}, "name: 0.7, claimed in [0.4, 0.6]"),
        (0.26, {"equals": 0.25, "tolerance": 1e-3}, "name: 0.26, claimed ≈ 0.25 ± 0.001"),
        (61705, {"equals": 61706}, "name: 61705, claimed = 61706"),
        (False, {"equals": True}, "name: False, claimed = True"),
        ((1, 2), {"equals": (2, 1)}, "name: (1, 2), claimed = (2, 1)"),
        (nan, {"at_most": 1}, "name: nan, claimed ≤ 1"),
        (inf, {"at_most": 1}, "name: inf, claimed ≤ 1"),
        (inf, {"at_least": 3}, "name: inf, claimed ≥ 3"),
        (-inf, {"at_most": 3}, "name: -inf, claimed ≤ 3"),
        (inf, {"between": (-inf, 3)}, "name: inf, claimed in [-inf, 3]"),
        (nan, {"between": (-inf, inf)}, "name: nan, claimed in [-inf, inf]"),
        (-inf, {"at_least": 1}, "name: -inf, claimed ≥ 1"),
    ],
)
def test_a_claim_that_fails_says_name_measured_and_bound(capsys, measured, bound, message):
    with pytest.raises(ClaimError) as error:
        claim("name", measured, **bound)
    assert str(error.value) == message
    assert capsys.readouterr().out == ""
    assert isinstance(error.value, AssertionError)


@pytest.mark.parametrize("measured, bound", [(0.020001, {"at_most": 0.02}), (0.949999, {"at_least": 0.95})])
def test_a_near_miss_is_not_rounded_into_its_bound(measured, bound):
    with pytest.raises(ClaimError) as error:
        claim("name", measured, **bound)
    figure, shown = str(error.value).removeprefix("name: ").split(", claimed ")
    assert figure != shown[2:]


@pytest.mark.parametrize(
    "bound",
    [
        {"at_least": -inf},
        {"at_most": inf},
        {"between": (-inf, inf)},
        {"equals": nan},
        {"equals": nan, "tolerance": 1},
        {"equals": 0, "tolerance": inf},
    ],
)
def test_nan_meets_no_bound(bound):
    with pytest.raises(ClaimError):
        claim("name", nan, **bound)


@pytest.mark.parametrize(
    "bound",
    [
        {"at_least": nan},
        {"at_most": nan},
        {"between": (nan, 1)},
        {"between": (0, nan)},
        {"equals": 0.5, "tolerance": nan},
    ],
)
def test_nan_is_no_bound_either(bound):
    with pytest.raises((ClaimError, ValueError)):
        claim("name", 0.5, **bound)


@given(measured=numbers, bound=numbers)
@settings(deadline=None, max_examples=50)
def test_bounds_include_their_ends(measured, bound):
    def holds(**bounds):
        try:
            claim("name", measured, **bounds)
        except ClaimError:
            return False
        return True

    fair = math.isfinite(measured) or measured == bound
    assert holds(at_least=bound) == (measured >= bound and fair)
    assert holds(at_most=bound) == (measured <= bound and fair)
    assert holds(between=(bound, inf)) == (measured >= bound and (fair or measured == inf))
    assert holds(equals=bound) == (measured == bound)
    assert holds(at_most=measured) and holds(at_least=measured) and holds(between=(measured, measured))


@pytest.mark.parametrize(
    "scalar",
    [
        np.float32(0.5),
        np.float64(0.5),
        np.array(0.5),
        tf.constant(0.5),
        tf.Variable(0.5, dtype=tf.float64),
        keras.Variable(0.5),
        keras.ops.convert_to_tensor(0.5),
    ],
    ids=lambda scalar: type(scalar).__name__,
)
def test_scalars_of_any_library_are_numbers(capsys, scalar):
    claim("name", scalar, at_least=0.4)
    claim("name", scalar, equals=0.5)
    claim("name", 0.5, equals=scalar)
    claim("name", scalar, equals=0.5, tolerance=0.1)
    assert capsys.readouterr().out.splitlines() == [
        "✓ name: 0.5 ≥ 0.4",
        "✓ name: 0.5 = 0.5",
        "✓ name: 0.5 = 0.5",
        "✓ name: 0.5 ≈ 0.5 ± 0.1",
    ]


@pytest.mark.parametrize("scalar", [np.int32(3), np.array(3), tf.constant(3)], ids=lambda scalar: type(scalar).__name__)
def test_integers_of_any_library_are_integers(capsys, scalar):
    claim("name", scalar, equals=3)
    assert capsys.readouterr().out == "✓ name: 3 = 3\n"


@pytest.mark.parametrize("scalar", [np.True_, tf.constant(True)], ids=lambda scalar: type(scalar).__name__)
def test_truth_values_of_any_library(capsys, scalar):
    claim("name", scalar, equals=True)
    assert capsys.readouterr().out == "✓ name: True = True\n"


@pytest.mark.parametrize(
    "measured",
    [np.array([0.5]), np.zeros((2, 2)), tf.constant([0.5]), [0.5], {"loss": 0.5}, None, "0.5", (0.5,), True, 1j],
    ids=lambda measured: type(measured).__name__,
)
def test_what_is_not_one_number_is_rejected(measured):
    with pytest.raises(TypeError, match="measured"):
        claim("name", measured, at_least=0)


def test_a_bound_of_the_wrong_kind_is_named():
    with pytest.raises(TypeError, match=r"equals must be one number, a tuple or a text; got list: \[1, 2\]"):
        claim("name", (1, 2), equals=[1, 2])


@pytest.mark.parametrize("bounds", [{}, {"at_least": 0, "at_most": 1}, {"equals": 0, "between": (0, 1)}])
def test_exactly_one_bound(bounds):
    with pytest.raises(ValueError, match="exactly one of at_least, at_most, between, equals") as error:
        claim("name", 0.5, **bounds)
    assert str(error.value).endswith(", ".join(sorted(bounds, key="at_least at_most between equals".index)) or "none")


@pytest.mark.parametrize("bounds", [{"equals": 0.5, "tolerance": -1e-9}, {"at_most": 1, "tolerance": 0.1}])
def test_a_bad_tolerance_is_named(bounds):
    with pytest.raises(ValueError, match="tolerance"):
        claim("name", 0.5, **bounds)


@pytest.mark.parametrize("name", ["", "two\nlines"])
def test_a_name_is_one_line(name):
    with pytest.raises(ValueError, match="name"):
        claim(name, 0.5, at_least=0)

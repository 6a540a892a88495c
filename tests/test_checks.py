"""Argument checks: what passes, what is refused, and that the words name argument, value and what is accepted."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from coursekit import checks


@given(value=st.integers(), low=st.integers(), span=st.integers(0, 100))
def test_integers_pass_exactly_in_their_range(value, low, span):
    if low <= value <= low + span:
        checks.check_integer("n", value, at_least=low, at_most=low + span)
    else:
        with pytest.raises(ValueError, match=f"n must be an integer in {low} ... {low + span}; got {value}"):
            checks.check_integer("n", value, at_least=low, at_most=low + span)


@pytest.mark.parametrize("value", [1.0, "1", None, True, np.float64(1), [1]])
def test_what_is_no_integer(value):
    with pytest.raises(TypeError, match="n must be an integer >= 0; got "):
        checks.check_integer("n", value, at_least=0)
    checks.check_integer("n", np.int64(1), at_least=0)


@given(value=st.floats(), at_most=st.floats(0, 1e9))
def test_numbers_pass_exactly_from_0_on(value, at_most):
    if 0 <= value <= at_most:
        checks.check_number("w", value, at_most=at_most)
    else:
        with pytest.raises(ValueError, match="w must be a number >= 0 and <= .*; got "):
            checks.check_number("w", value, at_most=at_most)


@pytest.mark.parametrize("value", [math.inf, -math.inf, math.nan, -1e-300])
def test_numbers_without_a_largest_are_finite(value):
    with pytest.raises(ValueError, match="w must be a number >= 0; got"):
        checks.check_number("w", value)


def test_positive_numbers_and_what_is_no_number():
    checks.check_number("w", 0)
    with pytest.raises(ValueError, match="w must be a number > 0; got 0"):
        checks.check_number("w", 0, positive=True)
    for value in ("1", None, True, 1j):
        with pytest.raises(TypeError, match="w must be a number >= 0; got"):
            checks.check_number("w", value)


def test_choices():
    checks.check_choice("loss", "mse", ("mse", "mae"))
    with pytest.raises(ValueError, match="loss must be one of mse, mae; got 'mle'"):
        checks.check_choice("loss", "mle", ("mse", "mae"))


@pytest.mark.parametrize("sizes", [(1,), [3, 2], ()])
def test_sizes_that_pass(sizes):
    checks.check_sizes(hidden=sizes)


@pytest.mark.parametrize("sizes", [(0,), (1.5,), "12", 3, None])
def test_sizes_that_are_refused(sizes):
    with pytest.raises(ValueError, match="hidden must be integers >= 1 in a tuple; got"):
        checks.check_sizes(hidden=sizes)


@pytest.mark.parametrize("shape, passes", [((2, 3), True), ((2, 4), False), ((0, 3), False), ((3,), False)])
def test_arrays(shape, passes):
    x = np.zeros(shape)
    if passes:
        assert checks.check_array("x", x.tolist(), (3,)).shape == checks.check_array("x", x, (None,)).shape == shape
    else:
        with pytest.raises(ValueError, match=r"x must have the shape \(n, 3\) with n >= 1; got "):
            checks.check_array("x", x, (3,))

"""Windows of a series against NumPy's own, and what cannot be cut into windows."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coursekit import data


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 6), st.integers(1, 6), st.integers(0, 20))
def test_windows_are_numpys(past, ahead, more):
    series = np.random.default_rng(more).normal(0, 1, past + ahead + more).astype("float32")
    expected = np.lib.stride_tricks.sliding_window_view(series, past + ahead)
    inputs, targets = data.sliding_windows(series, past, ahead)
    np.testing.assert_array_equal(inputs[..., 0], expected[:, :past])
    np.testing.assert_array_equal(targets, expected[:, past:])


def test_shapes_and_types():
    inputs, targets = data.sliding_windows(list(range(10)), 4)
    assert (inputs.shape, targets.shape) == ((6, 4, 1), (6, 1))
    assert inputs.dtype == targets.dtype == "float32"
    assert targets[:, 0].tolist() == [4, 5, 6, 7, 8, 9]


def test_a_series_shorter_than_the_window_is_refused():
    with pytest.raises(ValueError, match="series must hold at least past . ahead = 36 values; got 35"):
        data.sliding_windows(np.zeros(35), 24, 12)
    assert len(data.sliding_windows(np.zeros(36), 24, 12)[0]) == 1


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_numbers_that_are_not_finite_are_refused(value):
    series = np.zeros(50)
    series[[17, 30]] = value
    with pytest.raises(ValueError, match=f"finite numbers; got {value} at position 17"):
        data.sliding_windows(series, 5)


@pytest.mark.parametrize("sizes", [{"past": 0}, {"ahead": 0}, {"past": -1}])
def test_empty_windows_are_refused(sizes):
    with pytest.raises(ValueError, match=rf"{next(iter(sizes))} must be"):
        data.sliding_windows(np.zeros(50), **({"past": 5} | sizes))


def test_other_types_and_shapes_are_refused():
    with pytest.raises(TypeError, match="past must be"):
        data.sliding_windows(np.zeros(50), 2.5)
    with pytest.raises(ValueError, match=r"series must have the shape \(n,\); got \(5, 10\)"):
        data.sliding_windows(np.zeros((5, 10)), 3)

"""The Frechet distance against SciPy's matrix square root and closed forms."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import sqrtm

from coursekit.generative import frechet_distance


@given(seed=st.integers(0, 2**32 - 1), dim=st.integers(1, 8))
@settings(deadline=None, max_examples=30)
def test_it_is_the_formula_with_scipys_sqrtm(seed, dim):
    generator = np.random.default_rng(seed)
    a = generator.normal(size=(50, dim)) @ generator.normal(size=(dim, dim)) + generator.normal(size=dim)
    b = generator.normal(size=(60, dim)) @ generator.normal(size=(dim, dim))
    s1, s2 = (np.cov(x, rowvar=False).reshape(dim, dim) for x in (a, b))
    expected = ((a.mean(0) - b.mean(0)) ** 2).sum() + np.trace(s1 + s2 - 2 * np.real(sqrtm(s1 @ s2)))
    assert frechet_distance(a, b) == pytest.approx(expected, rel=1e-5, abs=1e-5)
    assert frechet_distance(b, a) == pytest.approx(expected, rel=1e-5, abs=1e-5)


def test_shift_scale_and_itself():
    x = np.random.default_rng(0).normal(size=(1000, 5))
    assert frechet_distance(x, x) == pytest.approx(0, abs=1e-6)
    assert frechet_distance(x, x + 2) == pytest.approx(5 * 2**2)
    spread = np.trace(np.cov(x, rowvar=False))  # (3 s - s)^2 summed
    assert frechet_distance(x - x.mean(0), 3 * (x - x.mean(0))) == pytest.approx(4 * spread)


def test_flat_samples_have_a_distance_too():
    flat = np.zeros((10, 3))
    assert frechet_distance(flat, flat + 1) == pytest.approx(3)


def test_what_is_refused():
    x = np.zeros((5, 3))
    with pytest.raises(ValueError, match=r"features must have the shape \(n, None\) with n >= 1; got \(5,\)"):
        frechet_distance(x[:, 0], x)
    with pytest.raises(ValueError, match=r"others must have the shape \(n, 3\) with n >= 1; got \(5, 2\)"):
        frechet_distance(x, x[:, :2])
    with pytest.raises(ValueError, match="others must have at least 2 rows; got 1"):
        frechet_distance(x, x[:1])

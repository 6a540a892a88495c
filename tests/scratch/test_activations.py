"""Activations and their derivatives against SciPy, Keras and automatic differentiation."""

import keras
import numpy as np
import pytest
import scipy.special
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from coursekit import scratch

ELEMENTWISE = ["identity", "sigmoid", "tanh", "relu"]
GRID = np.linspace(-12, 12, 400)  # 0, the kink of ReLU, is not on it
numbers = st.floats(-50, 50)
scores = arrays(np.float64, array_shapes(min_dims=1, max_dims=3, max_side=6), elements=numbers)


def keras_activation(name):
    return {"identity": keras.activations.linear}.get(name) or getattr(keras.activations, name)


@pytest.mark.parametrize("name", [*ELEMENTWISE, "softmax"])
@given(a=arrays(np.float64, (3, 4), elements=numbers))
@settings(deadline=None, max_examples=25)
def test_values_are_those_of_keras(name, a):
    expected = keras.ops.convert_to_numpy(keras_activation(name)(keras.ops.convert_to_tensor(a)))
    np.testing.assert_allclose(getattr(scratch, name)(a), expected, atol=1e-12)


@given(a=scores)
@settings(deadline=None, max_examples=50)
def test_values_are_those_of_scipy(a):
    np.testing.assert_allclose(scratch.sigmoid(a), scipy.special.expit(a), rtol=1e-12)
    np.testing.assert_allclose(scratch.softmax(a), scipy.special.softmax(a, axis=-1), rtol=1e-12)
    np.testing.assert_allclose(scratch.log_softmax(a), scipy.special.log_softmax(a, axis=-1), atol=1e-12)
    np.testing.assert_allclose(scratch.log_sum_exp(a), scipy.special.logsumexp(a, axis=-1), atol=1e-12)


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_derivatives_are_those_of_autodiff(name):
    a = tf.Variable(GRID)
    with tf.GradientTape() as tape:
        values = tf.identity(a) if name == "identity" else getattr(tf.nn, name)(a)
    activation = getattr(scratch, name)
    expected = tape.gradient(values, a).numpy()
    np.testing.assert_allclose(activation.derivative(GRID), expected, atol=1e-12)
    np.testing.assert_allclose(activation.pull_back(GRID, np.full(GRID.shape, 3.0)), 3 * expected, atol=1e-12)


def test_at_zero():
    assert scratch.sigmoid.derivative(0.0) == 0.25
    assert scratch.relu.derivative(0.0) == 0
    assert scratch.hard_threshold(0.0) == 1


def test_hard_threshold_is_a_step_without_slope():
    np.testing.assert_array_equal(scratch.hard_threshold(GRID), np.where(GRID < 0, 0, 1))
    np.testing.assert_array_equal(scratch.hard_threshold.derivative(GRID), np.zeros(GRID.shape))


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    "name, values, slopes",
    [
        ("sigmoid", [0, 1], [0, 0]),
        ("tanh", [-1, 1], [0, 0]),
        ("relu", [0, 1000], [0, 1]),
        ("softmax", [0, 1], np.zeros((2, 2))),
    ],
)
def test_limits_at_large_scores(name, values, slopes):
    a = np.array([-1000.0, 1000.0])
    np.testing.assert_array_equal(getattr(scratch, name)(a), values)
    np.testing.assert_array_equal(getattr(scratch, name).derivative(a), slopes)


@pytest.mark.filterwarnings("error")
def test_logarithms_stay_finite_at_huge_scores():
    a = np.array([[1e6, 0, -1e6]])
    np.testing.assert_allclose(scratch.log_softmax(a), [[0, -1e6, -2e6]])
    np.testing.assert_allclose(scratch.log_sum_exp(a), [1e6])


@given(a=scores, shift=st.floats(-1e3, 1e3))
@settings(deadline=None, max_examples=50)
def test_softmax_rows_are_probabilities_that_ignore_a_shift(a, shift):
    f = scratch.softmax(a)
    assert (f >= 0).all()
    np.testing.assert_allclose(f.sum(axis=-1), 1)
    np.testing.assert_allclose(scratch.softmax(a + shift), f, atol=1e-11)


@given(a=arrays(np.float64, (3, 4), elements=st.floats(-5, 5)), gradient=arrays(np.float64, (3, 4), elements=numbers))
@settings(deadline=None, max_examples=15)
def test_softmax_derivative_and_pull_back_are_those_of_autodiff(a, gradient):
    variable = tf.Variable(a)
    with tf.GradientTape(persistent=True) as tape:
        f = tf.nn.softmax(variable)
    jacobian = tape.batch_jacobian(f, variable, experimental_use_pfor=False).numpy()
    pulled = tape.gradient(f, variable, output_gradients=tf.constant(gradient)).numpy()
    np.testing.assert_allclose(scratch.softmax.derivative(a), jacobian, atol=1e-12)
    np.testing.assert_allclose(scratch.softmax.pull_back(a, gradient), pulled, atol=1e-11)


@pytest.mark.parametrize("name", [*ELEMENTWISE, "hard_threshold", "softmax"])
def test_single_precision_stays_single(name):
    a = np.ones((2, 3), np.float32)
    assert getattr(scratch, name)(a).dtype == np.float32
    assert getattr(scratch, name).pull_back(a, a).dtype == np.float32

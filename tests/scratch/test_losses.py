"""Losses and penalties against Keras, scikit-learn, closed forms and automatic differentiation."""

import keras
import numpy as np
import pytest
import sklearn.metrics
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from coursekit import scratch

probabilities = arrays(np.float64, (6, 3), elements=st.floats(0.01, 0.99))
labels = arrays(np.int64, 6, elements=st.integers(0, 2))
weights = arrays(np.float64, (3, 4), elements=st.floats(-5, 5))


def keras_loss(name, y, f):
    loss = getattr(keras.losses, name)(reduction=None, dtype="float64")
    return keras.ops.convert_to_numpy(loss(y, f))


@given(y=probabilities, f=probabilities, classes=labels)
@settings(deadline=None, max_examples=25)
def test_losses_are_those_of_keras(y, f, classes):
    one_hot, rows = np.eye(3)[classes], f / f.sum(axis=1, keepdims=True)
    outputs = 3  # Keras takes the mean over the outputs where the lecture takes the sum
    np.testing.assert_allclose(scratch.squared_error(y, f), outputs * keras_loss("MeanSquaredError", y, f))
    np.testing.assert_allclose(
        scratch.binary_cross_entropy(y, f), outputs * keras_loss("BinaryCrossentropy", y, f), atol=1e-5
    )
    np.testing.assert_allclose(
        scratch.cross_entropy(one_hot, rows), keras_loss("CategoricalCrossentropy", one_hot, rows), atol=1e-5
    )


@given(f=probabilities, classes=labels)
@settings(deadline=None, max_examples=25)
def test_cross_entropies_are_the_log_loss_of_scikit_learn(f, classes):
    rows = f / f.sum(axis=1, keepdims=True)
    assert scratch.cross_entropy(np.eye(3)[classes], rows).mean() == pytest.approx(
        sklearn.metrics.log_loss(classes, rows, labels=[0, 1, 2])
    )
    binary = (classes == 0).astype(float)
    assert scratch.binary_cross_entropy(binary[:, None], f[:, :1]).mean() == pytest.approx(
        sklearn.metrics.log_loss(binary, f[:, 0], labels=[0, 1])
    )


@pytest.mark.parametrize("name", ["squared_error", "binary_cross_entropy", "cross_entropy"])
@given(y=probabilities, f=probabilities)
@settings(deadline=None, max_examples=10)
def test_gradients_are_those_of_autodiff(name, y, f):
    variable = tf.Variable(f)
    with tf.GradientTape() as tape:
        value = {
            "squared_error": tf.reduce_sum((variable - y) ** 2),
            "binary_cross_entropy": -tf.reduce_sum(y * tf.math.log(variable) + (1 - y) * tf.math.log(1 - variable)),
            "cross_entropy": -tf.reduce_sum(y * tf.math.log(variable)),
        }[name]
    expected = tape.gradient(value, variable).numpy()
    np.testing.assert_allclose(getattr(scratch, name).gradient(y, f), expected, atol=1e-9)


@given(a=arrays(np.float64, (6, 3), elements=st.floats(-20, 20)), classes=labels)
@settings(deadline=None, max_examples=25)
def test_at_scores_is_keras_from_logits(a, classes):
    y = np.eye(3)[classes]
    bce = keras.ops.convert_to_numpy(tf.nn.sigmoid_cross_entropy_with_logits(y, a)).sum(axis=1)
    ce = keras.ops.convert_to_numpy(tf.nn.softmax_cross_entropy_with_logits(y, a))
    np.testing.assert_allclose(scratch.binary_cross_entropy.at_scores(y, a, scratch.sigmoid), bce, atol=1e-9)
    np.testing.assert_allclose(scratch.cross_entropy.at_scores(y, a, scratch.softmax), ce, atol=1e-9)


@pytest.mark.filterwarnings("error")
def test_partners_are_exact_at_large_scores():
    a = np.array([[1000.0, -1000.0]])
    right, wrong = np.array([[1.0, 0.0]]), np.array([[0.0, 1.0]])
    for loss, partner in ((scratch.binary_cross_entropy, scratch.sigmoid), (scratch.cross_entropy, scratch.softmax)):
        np.testing.assert_array_equal(loss.at_scores(right, a, partner), [0])
        np.testing.assert_array_equal(loss.at_scores(wrong, a, partner), [2000])
        np.testing.assert_array_equal(loss.delta(wrong, a, partner), [[1, -1]])


@pytest.mark.parametrize("y", [[[1.0, 0.0]], [[0.0, 1.0]]])
@pytest.mark.parametrize(
    "output, loss",
    [
        ("sigmoid", "binary_cross_entropy"),
        ("softmax", "binary_cross_entropy"),
        ("sigmoid", "cross_entropy"),
        ("softmax", "cross_entropy"),
        ("softmax", "squared_error"),
    ],
)
def test_losses_and_their_gradients_are_finite_at_large_scores(output, loss, y):
    a, y = np.array([[1000.0, -1000.0]]), np.array(y)
    loss, output = getattr(scratch, loss), getattr(scratch, output)
    assert np.isfinite(loss.at_scores(y, a, output)).all()
    assert np.isfinite(loss.delta(y, a, output)).all()


@given(W=weights)
@settings(deadline=None, max_examples=50)
def test_penalties_and_their_gradients(W):
    assert scratch.l2(W) == pytest.approx(np.linalg.norm(W) ** 2)
    assert scratch.l1(W) == pytest.approx(np.linalg.norm(W.ravel(), 1))
    np.testing.assert_array_equal(scratch.l2.gradient(W), 2 * W)
    np.testing.assert_array_equal(scratch.l1.gradient(W), (W > 0).astype(float) - (W < 0))

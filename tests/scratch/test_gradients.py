"""Backpropagation against finite differences and automatic differentiation, in float64."""

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from coursekit import scratch

HIDDEN = ["identity", "sigmoid", "tanh", "relu"]
PAIRS = [
    *((output, "squared_error") for output in ["identity", "sigmoid", "tanh", "relu", "softmax"]),
    ("sigmoid", "binary_cross_entropy"),
    ("softmax", "binary_cross_entropy"),
    ("softmax", "cross_entropy"),
    ("sigmoid", "cross_entropy"),
]
TF_ACTIVATION = {
    "identity": tf.identity,
    "sigmoid": tf.sigmoid,
    "tanh": tf.tanh,
    "relu": tf.nn.relu,
    "softmax": tf.nn.softmax,
}
TF_LOSS = {
    "squared_error": lambda y, f: tf.reduce_sum(tf.math.squared_difference(y, f), axis=1),
    "binary_cross_entropy": lambda y, f: -tf.reduce_sum(y * tf.math.log(f) + (1 - y) * tf.math.log(1 - f), axis=1),
    "cross_entropy": lambda y, f: -tf.reduce_sum(y * tf.math.log(f), axis=1),
}
TF_PENALTY = {None: lambda W: 0.0, "l1": lambda W: tf.reduce_sum(tf.abs(W)), "l2": lambda W: 2 * tf.nn.l2_loss(W)}


def relative_difference(g, reference):
    distance, size = np.linalg.norm(g - reference), np.linalg.norm(g) + np.linalg.norm(reference)
    return distance / size if size else 0.0


def by_autodiff(model, x, y):
    """Risk and gradient of the same network, rebuilt in TensorFlow."""
    parameters = [tf.Variable(p) for pair in zip(model.W[1:], model.b[1:]) for p in pair]
    names = [model.activation.name] * model.L + [model.output_activation.name]
    with tf.GradientTape() as tape:
        h = tf.constant(x)
        for name, W, b in zip(names, parameters[::2], parameters[1::2]):
            h = TF_ACTIVATION[name](tf.matmul(h, W, transpose_b=True) + b)
        penalty = TF_PENALTY[model.penalty and model.penalty.name]
        risk = tf.reduce_mean(TF_LOSS[model.loss.name](y, h))
        risk += model.penalty_weight * sum(penalty(W) for W in parameters[::2])
    gradient = tape.gradient(risk, parameters)
    return risk.numpy(), np.concatenate([np.ravel(g) for g in gradient])


def by_finite_differences(model, x, y, step=1e-5):
    """Central differences; an example in which a step crosses a kink of ReLU or l1 is rejected."""

    def signs():
        return np.concatenate([model.theta > 0, *(np.ravel(a > 0) for a in model.forward(x)[0][1:])])

    before, gradient = signs(), np.empty_like(model.theta)
    for i, value in enumerate(model.theta.copy()):
        risks = []
        for moved in (value + step, value - step):
            model.theta[i] = moved
            assume(np.array_equal(signs(), before))
            risks.append(model.risk(x, y))
        model.theta[i] = value
        gradient[i] = (risks[0] - risks[1]) / (2 * step)
    return gradient


def targets(loss, shape, rng):
    if loss == "squared_error":
        return rng.normal(size=shape)
    if loss == "binary_cross_entropy":
        return rng.random(shape)
    return np.eye(shape[1])[rng.integers(shape[1], size=shape[0])]


@pytest.mark.parametrize("penalty", [None, "l1", "l2"])
@pytest.mark.parametrize("output, loss", PAIRS)
@pytest.mark.parametrize("hidden", HIDDEN)
@given(data=st.data())
@settings(deadline=None, max_examples=4, suppress_health_check=[HealthCheck.filter_too_much])
def test_gradient_is_that_of_finite_differences_and_of_autodiff(hidden, output, loss, penalty, data):
    least_outputs = 2 if output == "softmax" else 1  # the softmax of one score is constant
    inner = data.draw(st.lists(st.integers(1, 4), max_size=2), label="hidden sizes")
    layers = [
        data.draw(st.integers(1, 4), label="inputs"),
        *inner,
        data.draw(st.integers(least_outputs, 4), label="outputs"),
    ]
    n = data.draw(st.integers(1, 6), label="batch size")
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1), label="seed"))
    model = scratch.MLP(
        layers,
        activation=getattr(scratch, hidden),
        output_activation=getattr(scratch, output),
        loss=getattr(scratch, loss),
        penalty=penalty and getattr(scratch, penalty),
        penalty_weight=0.3 if penalty else 0.0,
    )
    model.theta[:] = rng.normal(0, 0.7, model.theta.shape)  # biases too
    x, y = rng.normal(size=(n, layers[0])), targets(loss, (n, layers[-1]), rng)

    risk, gradient = model.risk_and_gradient(x, y)

    risk_by_autodiff, gradient_by_autodiff = by_autodiff(model, x, y)
    assert risk == pytest.approx(risk_by_autodiff, rel=1e-10)
    assert relative_difference(gradient, gradient_by_autodiff) < 1e-6
    assert relative_difference(gradient, by_finite_differences(model, x, y)) < 1e-6


def test_a_batch_has_the_mean_gradient_of_its_examples():
    rng = np.random.default_rng(0)
    model = scratch.MLP([3, 4, 2], activation=scratch.tanh)
    x, y = rng.normal(size=(5, 3)), np.eye(2)[[0, 1, 1, 0, 1]]
    each = [model.risk_and_gradient(x[i : i + 1], y[i : i + 1])[1].copy() for i in range(5)]
    np.testing.assert_allclose(model.risk_and_gradient(x, y)[1], np.mean(each, axis=0), atol=1e-12)

"""The multilayer perceptron: its shapes, its parameters, its outputs and its penalties."""

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coursekit import scratch

layer_lists = st.lists(st.integers(1, 6), min_size=2, max_size=5)


@given(layers=layer_lists)
@settings(deadline=None, max_examples=50)
def test_shapes_and_number_of_parameters_are_the_lectures(layers):
    model = scratch.MLP(layers)
    assert model.L == len(layers) - 2
    assert [W.shape for W in model.W[1:]] == [(layers[k], layers[k - 1]) for k in range(1, len(layers))]
    assert [b.shape for b in model.b[1:]] == [(size,) for size in layers[1:]]
    assert [dW.shape for dW in model.dW[1:]] == [W.shape for W in model.W[1:]]
    assert model.theta.size == sum(layers[k] * (layers[k - 1] + 1) for k in range(1, len(layers)))


def test_theta_and_the_weights_are_one_memory():
    model = scratch.MLP([3, 4, 2])
    model.theta[:] = np.arange(model.theta.size)
    windows = [part for pair in zip(model.W[1:], model.b[1:]) for part in pair]
    np.testing.assert_array_equal(np.concatenate([part.ravel() for part in windows]), np.arange(26))
    model.b[2][1] = -7
    model.W[1][2, 1] = -5
    assert np.flatnonzero(model.theta < 0).tolist() == [7, 25]


@pytest.mark.parametrize(
    "activation, output", [("relu", "softmax"), ("tanh", "sigmoid"), ("sigmoid", "linear"), ("linear", "tanh")]
)
def test_outputs_are_those_of_keras_with_the_same_weights(activation, output):
    ours = {"linear": scratch.identity}
    model = scratch.MLP(
        [5, 7, 6, 3],
        activation=ours.get(activation) or getattr(scratch, activation),
        output_activation=ours.get(output) or getattr(scratch, output),
    )
    rng = np.random.default_rng(1)
    model.theta += rng.normal(0, 0.3, model.theta.shape)
    layers = [
        keras.layers.Dense(units, function, dtype="float64")
        for units, function in ((7, activation), (6, activation), (3, output))
    ]
    reference = keras.Sequential([keras.Input((5,), dtype="float64"), *layers])
    for k, layer in enumerate(layers, 1):
        layer.set_weights([model.W[k].T, model.b[k]])
    x = rng.normal(size=(8, 5))
    np.testing.assert_allclose(model.predict(x), reference(x), atol=1e-12)
    assert reference.count_params() == model.theta.size


def test_forward_keeps_the_scores_and_outputs_of_every_layer():
    model = scratch.MLP([2, 3, 2], activation=scratch.tanh, output_activation=scratch.identity)
    x = np.array([[0.5, -1.0], [2.0, 0.0], [1.0, 1.0], [0.0, 0.0]])
    a, h = model.forward(x)
    assert [values.shape for values in a[1:]] == [(4, 3), (4, 2)]
    np.testing.assert_allclose(a[1], x @ model.W[1].T + model.b[1])
    np.testing.assert_allclose(h[1], np.tanh(a[1]))
    np.testing.assert_array_equal(h[2], a[2])
    np.testing.assert_array_equal(h[0], x)


@pytest.mark.parametrize("activation, variance", [(scratch.relu, 2 / 400), (scratch.tanh, 1 / 400)])
def test_initial_weights_are_gaussians_of_the_stated_variance(activation, variance):
    W = scratch.MLP([400, 300], activation=activation, seed=5).W[1]
    assert W.var() == pytest.approx(variance, rel=0.03)  # 7 standard deviations of 120,000 squares
    assert W.mean() == pytest.approx(0, abs=6 * np.sqrt(variance / W.size))


def test_initial_weights_follow_the_seed_and_biases_are_zero():
    one, same, other = (scratch.MLP([4, 5, 3], seed=seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one.theta, same.theta)
    assert (one.W[1] != other.W[1]).all()
    assert not one.b[1].any() and not one.b[2].any()


@pytest.mark.parametrize("penalty", [scratch.l1, scratch.l2])
def test_biases_are_never_penalised(penalty):
    plain = scratch.MLP([3, 4, 2])
    model = scratch.MLP([3, 4, 2], penalty=penalty, penalty_weight=0.1)
    x, y = np.ones((1, 3)), np.array([[0.0, 1.0]])
    before = model.risk(x, y) - plain.risk(x, y)
    for network in (plain, model):
        network.b[1][:], network.b[2][:] = 5, -3
    assert model.risk(x, y) - plain.risk(x, y) == pytest.approx(before)
    assert before == pytest.approx(0.1 * sum(penalty(W) for W in model.W[1:]))
    plain.risk_and_gradient(x, y), model.risk_and_gradient(x, y)
    for k in (1, 2):
        np.testing.assert_array_equal(model.db[k], plain.db[k])
        np.testing.assert_allclose(model.dW[k] - plain.dW[k], 0.1 * penalty.gradient(model.W[k]), atol=1e-12)


def test_single_precision():
    model = scratch.MLP([3, 4, 2], dtype=np.float32)
    x, y = np.ones((5, 3), np.float32), np.eye(2, dtype=np.float32)[[0] * 5]
    assert model.predict(x).dtype == model.risk_and_gradient(x, y)[1].dtype == np.float32


@pytest.mark.parametrize("layers", [[], [3], [3, 0, 2], [-1, 2]])
def test_bad_layers_are_named(layers):
    with pytest.raises(ValueError, match="layers"):
        scratch.MLP(layers)


@pytest.mark.parametrize("weight", [-0.1, float("nan")])
def test_a_bad_penalty_weight_is_named(weight):
    with pytest.raises(ValueError, match="penalty_weight"):
        scratch.MLP([3, 2], penalty=scratch.l2, penalty_weight=weight)


@pytest.mark.parametrize("targets", [np.zeros(5), np.zeros((5, 3)), np.zeros((4, 1))])
def test_targets_of_another_shape_are_named(targets):
    """(5,) against outputs (5, 1) would broadcast to (5, 5) and train on nonsense."""
    model = scratch.MLP([3, 1], output_activation=scratch.identity, loss=scratch.squared_error)
    with pytest.raises(ValueError, match=r"\by\b"):
        model.risk_and_gradient(np.zeros((5, 3)), targets)


def test_softmax_wants_targets_that_sum_to_one():
    """Else f - y is not the gradient: it would be sum(y) f - y."""
    model = scratch.MLP([3, 2])
    with pytest.raises(ValueError, match="y must hold rows that sum to 1"):
        model.risk_and_gradient(np.zeros((2, 3)), np.array([[1, 0], [1, 1]]))
    with pytest.raises(ValueError, match="y must hold at least one example"):
        model.risk_and_gradient(np.zeros((0, 3)), np.zeros((0, 2)))
    model.risk_and_gradient(np.zeros((1, 3)), np.array([[0.95, 0.05]]))  # smoothed labels

"""The recurrent cell against Keras' SimpleRNN, with its weights copied, and against the laws it must keep."""

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coursekit import scratch


def weights(units, features, seed=0):
    generator = np.random.default_rng(seed)
    return [generator.normal(0, 0.7, shape) for shape in ((units, features), (units, units), (units,))]


@settings(max_examples=15, deadline=None)
@given(st.integers(1, 4), st.integers(1, 12), st.integers(1, 5), st.integers(1, 6), st.integers(0, 9))
def test_it_is_keras_simple_rnn(batch, T, features, units, seed):
    W, U, b = weights(units, features, seed)
    x = np.random.default_rng(seed + 1).normal(0, 1, (batch, T, features))
    layer = keras.layers.SimpleRNN(units, return_sequences=True, dtype="float64")
    layer.build(x.shape)
    layer.set_weights([W.T, U.T, b])
    np.testing.assert_allclose(scratch.simple_rnn(x, W, U, b), layer(x), atol=1e-12)


def test_a_sequence_in_two_pieces_gives_the_same_states():
    W, U, b = weights(4, 3)
    x = np.random.default_rng(1).normal(0, 1, (5, 10, 3))
    whole = scratch.simple_rnn(x, W, U, b)
    first = scratch.simple_rnn(x[:, :6], W, U, b)
    second = scratch.simple_rnn(x[:, 6:], W, U, b, first[:, -1])
    np.testing.assert_array_equal(np.concatenate([first, second], axis=1), whole)


def test_no_state_depends_on_what_comes_later():
    W, U, b = weights(4, 3)
    x = np.random.default_rng(1).normal(0, 1, (2, 10, 3))
    other = x.copy()
    other[:, 7:] = 0
    before, after = (scratch.simple_rnn(sequences, W, U, b) for sequences in (x, other))
    np.testing.assert_array_equal(before[:, :7], after[:, :7])
    assert np.abs(before[:, 7:] - after[:, 7:]).max() > 0.01


def test_without_steps_there_are_no_states():
    W, U, b = weights(4, 3)
    assert scratch.simple_rnn(np.zeros((2, 0, 3)), W, U, b).shape == (2, 0, 4)


@pytest.mark.parametrize(
    "change",
    [
        {"x": np.zeros((2, 3))},
        {"W": np.zeros((3, 4))},
        {"U": np.zeros((4, 3))},
        {"b": np.zeros(5)},
        {"b": np.zeros((4, 1))},
    ],
)
def test_other_shapes_are_refused(change):
    W, U, b = weights(4, 3)
    with pytest.raises(ValueError, match=r"x must have the shape \(batch, T, features\).*got"):
        scratch.simple_rnn(**({"x": np.zeros((2, 5, 3)), "W": W, "U": U, "b": b} | change))


def test_a_state_of_another_shape_is_refused():
    with pytest.raises(ValueError, match=r"h must have the shape \(batch, units\), \(2, 4\); got \(1, 4\)"):
        scratch.simple_rnn(np.zeros((2, 5, 3)), *weights(4, 3), np.zeros((1, 4)))

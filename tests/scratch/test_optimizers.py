"""Optimizers against those of Keras and closed forms, batches, and training on real digits."""

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from coursekit import scratch

CURVATURE = np.array([1.0, 5.0, 0.1])  # of the quadratic theta . C theta / 2


@pytest.mark.parametrize(
    "ours, reference",
    [
        (scratch.SGD(0.1), lambda: keras.optimizers.SGD(0.1)),
        (scratch.SGD(0.05, momentum=0.9), lambda: keras.optimizers.SGD(0.05, momentum=0.9)),
        (scratch.Adam(0.05), lambda: keras.optimizers.Adam(0.05, epsilon=1e-8)),
        (scratch.Adam(0.1, 0.5, 0.9, 1e-6), lambda: keras.optimizers.Adam(0.1, 0.5, 0.9, 1e-6)),
    ],
    ids=["sgd", "momentum", "adam", "adam, other betas"],
)
def test_trajectory_is_that_of_keras(ours, reference):
    theta = np.array([1.0, -2.0, 3.0])
    variable, reference = keras.Variable(theta, dtype="float64"), reference()
    for _ in range(30):
        ours.step(theta, CURVATURE * theta)
        reference.apply([CURVATURE * variable.numpy()], [variable])
        np.testing.assert_allclose(theta, variable.numpy(), atol=1e-5)


def test_adam_bias_correction_makes_the_first_step_the_learning_rate():
    theta = np.zeros(3)
    scratch.Adam(0.01).step(theta, np.array([1e-3, -20.0, 4.0]))
    np.testing.assert_allclose(theta, [-0.01, 0.01, -0.01], rtol=1e-4)


@given(x=st.lists(st.floats(-100, 100), min_size=1, max_size=20))
@settings(deadline=None)
def test_robbins_monro_with_rate_1_over_r_is_the_running_mean(x):
    theta, optimizer = np.zeros(1), scratch.SGD(lambda r: 1 / r)
    for value in x:
        optimizer.step(theta, theta - value)  # the gradient of (theta - value)^2 / 2
    assert theta[0] == pytest.approx(np.mean(x), abs=1e-9)


@pytest.mark.parametrize("optimizer", [scratch.SGD, scratch.Adam])
def test_a_learning_rate_may_depend_on_the_step(optimizer):
    seen = []

    def rate(r):
        seen.append(r)
        return 0.5 if r == 2 else 0.0

    chosen, theta, path = optimizer(rate), np.ones(2), []
    for _ in range(3):
        chosen.step(theta, np.ones(2))
        path.append(theta.copy())
    assert seen == [1, 2, 3]
    np.testing.assert_array_equal(path[0], [1, 1])
    np.testing.assert_allclose(path[1], [0.5, 0.5], atol=1e-6)
    np.testing.assert_array_equal(path[2], path[1])


@pytest.mark.parametrize("optimizer", [scratch.SGD, scratch.Adam])
@pytest.mark.parametrize("rate", [0, -0.1, float("nan"), "0.1"])
def test_a_bad_learning_rate_is_named(optimizer, rate):
    with pytest.raises(ValueError, match="learning_rate"):
        optimizer(rate)


@given(n=st.integers(1, 200), batch_size=st.integers(1, 250), seed=st.integers(0, 2**32 - 1))
@settings(deadline=None, max_examples=50)
def test_an_epoch_is_a_permutation_in_batches(n, batch_size, seed):
    epoch = list(scratch.batches(n, batch_size, np.random.default_rng(seed)))
    assert sorted(np.concatenate(epoch)) == list(range(n))
    full, rest = divmod(n, batch_size)
    assert [len(batch) for batch in epoch] == [batch_size] * full + [rest] * (rest > 0)


def test_epochs_differ_in_order():
    generator = np.random.default_rng(0)
    first, second = (np.concatenate(list(scratch.batches(50, 8, generator))) for _ in range(2))
    assert first.tolist() != second.tolist() != list(range(50))


@pytest.mark.parametrize("n, batch_size", [(0, 1), (1, 0), (5, -2)])
def test_bad_batches_are_named(n, batch_size):
    with pytest.raises(ValueError, match="batch_size"):
        list(scratch.batches(n, batch_size, np.random.default_rng(0)))


@pytest.fixture(scope="module")
def digits():
    """The real 8x8 digits of scikit-learn: (x_train, x_test, y_train, y_test)."""
    x, labels = load_digits(return_X_y=True)
    return train_test_split(x / 16, np.eye(10)[labels], test_size=0.25, random_state=0)


def fitted(digits, epochs=3, **options):
    model = scratch.MLP([64, 48, 10], seed=2)
    history = scratch.fit(
        model, digits[0], digits[2], optimizer=scratch.SGD(0.1, momentum=0.9), epochs=epochs, batch_size=32, **options
    )
    return model, history


def test_fit_learns_digits(digits):
    model, history = fitted(digits, epochs=15)
    accuracy = np.mean(model.predict(digits[1]).argmax(axis=1) == digits[3].argmax(axis=1))
    assert accuracy >= 0.95
    assert history["loss"][-1] < 0.1 * history["loss"][0]


def test_fit_follows_the_seed(digits):
    (one, first), (same, again), (other, _) = (fitted(digits, epochs=1, seed=seed) for seed in (4, 4, 5))
    np.testing.assert_array_equal(one.theta, same.theta)
    assert first == again
    assert not np.array_equal(one.theta, other.theta)


def test_on_epoch_sees_each_epoch_and_what_it_adds_joins_the_history(digits):
    seen = []

    def on_epoch(epoch, logs):
        seen.append((epoch, logs["loss"]))
        logs["error"] = epoch / 10

    _, history = fitted(digits, epochs=3, on_epoch=on_epoch)
    assert list(history) == ["loss", "error"]
    assert history["error"] == [0, 0.1, 0.2]
    assert seen == list(enumerate(history["loss"]))


def test_the_loss_of_an_epoch_weighs_every_example_alike():
    rng = np.random.default_rng(0)
    model, x, y = scratch.MLP([2, 3, 2]), rng.normal(size=(7, 2)), np.eye(2)[[0, 1, 1, 0, 1, 0, 0]]
    history = scratch.fit(model, x, y, optimizer=scratch.SGD(lambda r: 0.0), epochs=2, batch_size=4)
    assert history["loss"] == pytest.approx([model.risk(x, y)] * 2)


@pytest.mark.parametrize("wrong", [{"epochs": 0}, {"batch_size": 0}, {"y": np.zeros((9, 2))}])
def test_bad_arguments_of_fit_are_named(wrong):
    given = {"y": np.zeros((8, 2)), "epochs": 1, "batch_size": 4} | wrong
    with pytest.raises(ValueError, match=rf"\b{next(iter(wrong))}\b"):
        scratch.fit(scratch.MLP([3, 2]), np.zeros((8, 3)), optimizer=scratch.SGD(), **given)


def test_a_bad_memory_is_named():
    for optimizer, name, value in (
        (scratch.SGD, "momentum", -3),
        (scratch.Adam, "beta_1", 1),
        (scratch.Adam, "beta_2", 2),
    ):
        with pytest.raises(ValueError, match=f"{name} must be >= 0 and < 1; got {value}"):
            optimizer(**{name: value})

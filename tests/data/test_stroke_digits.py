"""The drawn digits: laws of the generator, true factors, and how hard the digits are."""

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.neighbors import KNeighborsClassifier

from coursekit.data import draw_digits
from coursekit.data.stroke_digits import FACTORS


@pytest.fixture(scope="module")
def digits():
    return draw_digits(6000)


def test_shapes_and_types(digits):
    images, labels, factors = digits
    assert images.shape == (6000, 28, 28, 1) and images.dtype == np.uint8
    assert labels.shape == (6000,) and labels.dtype == np.int64
    assert set(factors) == {"rotation", "slant", "width", "thickness"}
    assert all(factor.shape == (6000,) and factor.dtype == np.float32 for factor in factors.values())


@settings(max_examples=10, deadline=None)
@given(
    size=st.integers(1, 1100),
    more=st.integers(1, 700),
    seed=st.integers(0, 2**20),
    split=st.sampled_from(["train", "test"]),
)
def test_an_image_does_not_depend_on_how_many_are_drawn(size, more, seed, split):
    images, labels, factors = draw_digits(size, seed, split)
    more_images, more_labels, more_factors = draw_digits(size + more, seed, split)
    np.testing.assert_array_equal(images, more_images[:size])
    np.testing.assert_array_equal(labels, more_labels[:size])
    for name in FACTORS:
        np.testing.assert_array_equal(factors[name], more_factors[name][:size])


def test_the_same_seed_draws_the_same_digits(digits):
    for first, second in zip(digits[:2], draw_digits(1200)):
        np.testing.assert_array_equal(first[:1200], second)


def test_splits_and_seeds_share_no_image(digits):
    seen = {image.tobytes() for image in digits[0]}
    assert len(seen) == 6000
    for other in (draw_digits(2000, split="test"), draw_digits(2000, seed=1)):
        assert not seen & {image.tobytes() for image in other[0]}


def test_classes_are_balanced_and_ink_stays_on_the_paper(digits):
    images, labels, _ = digits
    assert np.bincount(labels, minlength=10).min() > 500
    assert images.max(axis=(1, 2, 3)).min() > 200  # every image holds ink
    border = np.concatenate([images[:, 0], images[:, -1], images[:, :, 0], images[:, :, -1]])
    assert np.mean(border > 0) < 1e-3


def test_factors_fill_their_ranges_and_are_independent(digits):
    _, labels, factors = digits
    for name, (low, high) in FACTORS.items():
        assert low <= factors[name].min() < low + 0.02 * (high - low)
        assert high >= factors[name].max() > high - 0.02 * (high - low)
    table = np.corrcoef([*factors.values(), labels])
    assert np.abs(table - np.eye(5)).max() < 0.06  # 4.6 standard errors of a correlation of 6,000 pairs


def moments(images):
    """Covariance of the ink of each image: horizontal, vertical and mixed."""
    ink = images[..., 0] / images.sum(axis=(1, 2, 3), dtype=float)[:, None, None]
    rows, columns = np.mgrid[:28, :28]
    x = columns - np.sum(ink * columns, axis=(1, 2))[:, None, None]
    y = rows - np.sum(ink * rows, axis=(1, 2))[:, None, None]
    return (np.sum(ink * x**2, axis=(1, 2)), np.sum(ink * y**2, axis=(1, 2)), np.sum(ink * x * y, axis=(1, 2)))


def test_factors_are_what_they_say(digits):
    """Measured on the images: ones lean by rotation and slant, zeros are as wide as width says."""
    images, labels, factors = digits
    ones, zeros = labels == 1, labels == 0
    _, vertical, mixed = moments(images[ones])
    lean = mixed / vertical  # of the stroke's axis: dx/dy, y downwards
    predictors = np.column_stack(
        [np.tan(np.radians(factors["rotation"][ones])), factors["slant"][ones], np.ones(ones.sum())]
    )
    weights, *_ = np.linalg.lstsq(predictors, lean)
    assert weights[0] < -0.6 and weights[1] < -0.6  # clockwise and rightwards: the top goes right
    assert np.corrcoef(predictors @ weights, lean)[0, 1] > 0.8

    upright = zeros & (np.abs(factors["rotation"]) < 8) & (np.abs(factors["slant"]) < 0.15)
    horizontal, vertical, _ = moments(images[upright])
    assert np.corrcoef(np.sqrt(horizontal / vertical), factors["width"][upright])[0, 1] > 0.7


def test_thickness_is_in_pixels(digits):
    """Ink divided by length: the shortest digits, ones of a bare line, are about 18 pixels long."""
    images, labels, factors = digits
    ink = images.sum(axis=(1, 2, 3)) / 255
    zeros, ones = labels == 0, labels == 1
    assert np.corrcoef(ink[zeros], factors["thickness"][zeros])[0, 1] > 0.8
    assert 16 < np.quantile(ink[ones] / factors["thickness"][ones], 0.1) < 20


def test_nearest_neighbours_find_them_about_as_hard_as_mnist(digits):
    images, labels, _ = digits
    test_images, test_labels, _ = draw_digits(2000, split="test")
    neighbours = KNeighborsClassifier(3).fit(images[:5000].reshape(5000, -1) / 255, labels[:5000])
    error = 1 - neighbours.score(test_images.reshape(2000, -1) / 255, test_labels)
    assert 0.02 <= error <= 0.08


def test_a_small_convolutional_network_reads_them():
    keras.utils.set_random_seed(1)
    images, labels, _ = draw_digits(20_000)
    test_images, test_labels, _ = draw_digits(4000, split="test")
    model = keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            keras.layers.Rescaling(1 / 255),
            keras.layers.Conv2D(16, 3, activation="relu"),
            keras.layers.MaxPooling2D(),
            keras.layers.Conv2D(32, 3, activation="relu"),
            keras.layers.MaxPooling2D(),
            keras.layers.Flatten(),
            keras.layers.Dense(64, activation="relu"),
            keras.layers.Dense(10, activation="softmax"),
        ]
    )
    model.compile(
        keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(0.003, 4 * 200)),
        "sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    model.fit(images, labels, batch_size=100, epochs=4, verbose=0)
    assert model.evaluate(test_images, test_labels, verbose=0)[1] >= 0.985


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({"size": 0}, ValueError, "size must be an integer >= 1; got 0"),
        ({"size": 2.5}, TypeError, "size must be an integer .*; got 2.5"),
        ({"size": True}, TypeError, "size must be an integer .*; got True"),
        ({"size": 5, "seed": -1}, ValueError, "seed must be an integer in 0 ... 4294967295; got -1"),
        ({"size": 5, "seed": 2**32}, ValueError, "seed must be an integer in 0 ... 4294967295; got 4294967296"),
        ({"size": 5, "split": "validation"}, ValueError, "split must be one of train, test; got 'validation'"),
    ],
)
def test_bad_arguments(arguments, error, words):
    with pytest.raises(error, match=words):
        draw_digits(**arguments)

"""Convolution and pooling against SciPy and Keras."""

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy import signal

from coursekit import scratch

sizes = st.integers(1, 9)


@st.composite
def problems(draw):
    """A filter that fits: height, width, f, padding, stride."""
    height, width, padding = draw(sizes), draw(sizes), draw(st.integers(0, 3))
    f = draw(st.integers(1, min(height, width) + 2 * padding))
    return height, width, f, padding, draw(st.integers(1, 4))


def random_arrays(height, width, f, channels=2, n=3, seed=0):
    generator = np.random.default_rng(seed)
    return (
        generator.normal(size=(2, height, width, channels)),
        generator.normal(size=(f, f, channels, n)),
        generator.normal(size=n),
    )


def by_scipy(images, filters, bias, padding, stride):
    """One image, one channel, one filter at a time."""
    padded = np.pad(images, ((0, 0), (padding, padding), (padding, padding), (0, 0)))
    maps = [
        [
            sum(signal.correlate(image[..., c], filters[..., c, k], mode="valid") for c in range(image.shape[-1]))
            for k in range(filters.shape[-1])
        ]
        for image in padded
    ]
    return np.moveaxis(np.array(maps), 1, -1)[:, ::stride, ::stride] + bias


@settings(deadline=None, max_examples=60)
@given(problems(), st.integers(1, 3), st.integers(1, 3), st.integers(0, 2**31))
def test_convolution_is_scipys_correlate(problem, channels, n, seed):
    height, width, f, padding, stride = problem
    images, filters, bias = random_arrays(height, width, f, channels, n, seed)
    ours = scratch.convolution(images, filters, bias, padding=padding, stride=stride)
    assert_allclose(ours, by_scipy(images, filters, bias, padding, stride), atol=1e-10)


def test_a_true_convolution_turns_the_filter():
    images, filters, _ = random_arrays(7, 6, 3, channels=1, n=1)
    turned = scratch.convolution(images, filters[::-1, ::-1])[0, ..., 0]
    assert_allclose(turned, signal.convolve(images[0, ..., 0], filters[..., 0, 0], mode="valid"), atol=1e-12)


@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("f", [1, 3, 4])
@pytest.mark.parametrize("size", [4, 7, 8])
def test_convolution_is_keras_conv2d(size, f, stride):
    images, filters, bias = random_arrays(size, size + 1, f)
    layer = keras.layers.Conv2D(3, f, strides=stride, padding="valid")
    layer.build((None, size, size + 1, 2))
    layer.set_weights([filters, bias])
    theirs = keras.ops.convert_to_numpy(layer(images.astype("float32")))
    assert_allclose(scratch.convolution(images, filters, bias, stride=stride), theirs, atol=1e-4)
    assert layer.count_params() == scratch.convolution_parameters(f, 2, 3)


@pytest.mark.parametrize("f", [1, 3, 5])
def test_padding_of_half_the_filter_keeps_the_size_as_same_does(f):
    images, filters, bias = random_arrays(6, 7, f)
    layer = keras.layers.Conv2D(3, f, padding="same")
    layer.build((None, 6, 7, 2))
    layer.set_weights([filters, bias])
    ours = scratch.convolution(images, filters, bias, padding=f // 2)
    assert_allclose(ours, keras.ops.convert_to_numpy(layer(images.astype("float32"))), atol=1e-4)


@settings(deadline=None)
@given(problems())
def test_output_size_counts_the_places_of_the_window(problem):
    height, width, f, padding, stride = problem
    places = [start for start in range(0, height + 2 * padding, stride) if start + f <= height + 2 * padding]
    assert scratch.output_size(height, f, padding, stride) == len(places)
    images, filters, bias = random_arrays(height, width, f)
    shape = scratch.convolution(images, filters, bias, padding=padding, stride=stride).shape
    assert shape == (2, len(places), scratch.output_size(width, f, padding, stride), 3)


@pytest.mark.parametrize("f, stride", [(2, None), (3, 2), (2, 1)])
@pytest.mark.parametrize(
    "ours, theirs",
    [(scratch.max_pooling, keras.layers.MaxPooling2D), (scratch.mean_pooling, keras.layers.AveragePooling2D)],
)
def test_pooling_is_keras_pooling(ours, theirs, f, stride):
    images, _, _ = random_arrays(7, 8, 1)
    reference = keras.ops.convert_to_numpy(theirs(f, stride)(images.astype("float32")))
    assert_allclose(ours(images, f, stride=stride), reference, atol=1e-6)


def test_refusals():
    images, filters, _ = random_arrays(4, 4, 5)
    with pytest.raises(ValueError, match="f must be at most the padded size, 4; got 5"):
        scratch.convolution(images, filters)
    with pytest.raises(ValueError, match=r"filters \(f, f, channels, n\); got \(2, 4, 4, 2\) and \(5, 5, 1, 3\)"):
        scratch.convolution(images, filters[:, :, :1])
    with pytest.raises(ValueError, match="stride must be >= 1"):
        scratch.output_size(4, 2, stride=0)
    with pytest.raises(ValueError, match="at most the padded size, 4; got 6"):
        scratch.max_pooling(images, 6)
    with pytest.raises(ValueError, match="stride must be >= 1 .*stride=0"):
        scratch.max_pooling(images, 2, stride=0)
    for pooling in (scratch.max_pooling, scratch.mean_pooling):
        with pytest.raises(ValueError, match=r"images must have the shape \(batch, .*; got \(4, 4, "):
            pooling(images[0])


def test_biases_and_padding_are_checked():
    images, filters = np.zeros((2, 5, 5, 1)), np.zeros((3, 3, 1, 2))
    for bias in (np.zeros(5), np.zeros((2, 1))):
        with pytest.raises(ValueError, match=r"bias must be one number or have the shape \(2,\); got"):
            scratch.convolution(images, filters, bias)
    with pytest.raises(ValueError, match="padding must be >= 0; got -1"):
        scratch.convolution(images, filters, padding=-1)

"""The building blocks: their shapes, their sums and their weights against the papers' equations."""

import keras
import numpy as np
import pytest
from keras import layers, ops
from numpy.testing import assert_allclose

from coursekit.vision import blocks


def model_of(block, shape=(8, 8, 4), **options):
    image = keras.Input(shape)
    return keras.Model(image, block(image, name="block", **options))


def images(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def output(model, x):
    return ops.convert_to_numpy(model(x, training=False))


def apply(model, name, x):
    """One layer of the model, by the end of its name, on x."""
    return model.get_layer(f"block_{name}")(x)


def relu(x):
    return ops.maximum(x, 0)


def test_conv_block_is_convolution_normalisation_activation():
    model = model_of(blocks.conv_block, filters=5, strides=2)
    assert [type(layer) for layer in model.layers[1:]] == [layers.Conv2D, layers.BatchNormalization, layers.Activation]
    x = images(2, 8, 8, 4)
    convolved = ops.convert_to_numpy(apply(model, "conv", x))
    scale = 1 / np.sqrt(1 + 1.001e-5)  # a fresh normalisation: mean 0, variance 1
    assert_allclose(output(model, x), np.maximum(convolved * scale, 0), rtol=1e-5, atol=1e-6)
    assert model.output_shape == (None, 4, 4, 5)


def test_conv_block_can_be_a_bare_convolution():
    model = model_of(blocks.conv_block, filters=5, activation=None, batch_normalization=False, padding="valid")
    assert [type(layer) for layer in model.layers[1:]] == [layers.Conv2D]
    assert model.output_shape == (None, 6, 6, 5)


def test_residual_block_adds_its_input():
    model = model_of(blocks.residual_block, filters=4, batch_normalization=False)
    x = images(2, 8, 8, 4)
    residual = apply(model, "2_conv", relu(apply(model, "1_conv", x)))
    assert_allclose(output(model, x), relu(residual + x), rtol=1e-5, atol=1e-6)
    assert model.count_params() == 2 * (3 * 3 * 4 + 1) * 4  # the identity costs nothing


@pytest.mark.parametrize("options", [{"strides": 2}, {"max_pool": True}])
def test_residual_block_projects_images_of_any_size(options):
    """Where height and width are not known yet, too."""
    model = model_of(blocks.residual_block, (None, None, 4), filters=4, **options)
    assert output(model, images(1, 6, 8, 4)).shape == (1, 3, 4, 4)


def test_residual_block_with_zero_weights_is_the_identity_behind_a_relu():
    model = model_of(blocks.residual_block, filters=4)
    for layer in model.layers:
        if isinstance(layer, layers.Conv2D):
            layer.set_weights([np.zeros_like(w) for w in layer.get_weights()])
    x = images(2, 8, 8, 4)
    assert_allclose(output(model, x), np.maximum(x, 0))


@pytest.mark.parametrize("options, size", [({"strides": 2}, 4), ({"max_pool": True}, 4), ({}, 8)])
def test_residual_block_projects_where_the_shape_changes(options, size):
    model = model_of(blocks.residual_block, filters=6, batch_normalization=False, **options)
    assert model.output_shape == (None, size, size, 6)
    x = images(2, 8, 8, 4)
    residual = relu(apply(model, "1_conv", x))
    residual = apply(model, "pool" if "max_pool" in options else "2_conv", residual)
    kernel, bias = model.get_layer("block_0_conv").get_weights()
    assert kernel.shape == (1, 1, 4, 6)
    projected = x[:, :: 8 // size, :: 8 // size] @ kernel[0, 0] + bias  # W a: a matrix at every place
    assert_allclose(output(model, x), relu(residual + projected), rtol=1e-4, atol=1e-5)


def test_plain_block_has_the_same_weights_and_no_sum():
    plain, residual = (model_of(blocks.residual_block, filters=4, shortcut=shortcut) for shortcut in (False, True))
    assert plain.count_params() == residual.count_params()
    assert not any(isinstance(layer, layers.Add) for layer in plain.layers)


def test_odd_sizes_meet():
    for options in ({"strides": 2}, {"max_pool": True}):
        assert model_of(blocks.residual_block, shape=(7, 9, 4), filters=6, **options).output_shape == (None, 4, 5, 6)
    assert model_of(blocks.bottleneck_block, shape=(7, 9, 4), filters=2, strides=2).output_shape == (None, 4, 5, 8)


def test_residual_block_refuses_two_ways_of_halving():
    with pytest.raises(ValueError, match="strides must be 1 with max_pool"):
        model_of(blocks.residual_block, filters=4, max_pool=True, strides=2)


def test_bottleneck_block_is_thin_in_the_middle():
    model = model_of(blocks.bottleneck_block, shape=(8, 8, 256), filters=64, batch_normalization=False)
    # He et al. 2016, figure 5 right: 1x1, 64; 3x3, 64; 1x1, 256
    assert model.count_params() == (256 + 1) * 64 + (9 * 64 + 1) * 64 + (64 + 1) * 256
    assert model.output_shape == (None, 8, 8, 256)
    x = images(1, 8, 8, 256)
    residual = relu(apply(model, "2_conv", relu(apply(model, "1_conv", x))))
    assert_allclose(output(model, x), relu(apply(model, "3_conv", residual) + x), rtol=1e-4, atol=1e-4)


def test_bottleneck_block_projects_on_request():
    assert any(
        layer.name == "block_0_conv"
        for layer in model_of(blocks.bottleneck_block, shape=(8, 8, 16), filters=4, projection=True).layers
    )


def test_inception_block_joins_four_branches():
    model = model_of(
        blocks.inception_block, shape=(9, 9, 10), branch_1x1=3, branch_3x3=(2, 4), branch_5x5=(1, 5), branch_pool=6
    )
    x = images(2, 9, 9, 10)
    branches = [
        relu(apply(model, "1x1_conv", x)),
        relu(apply(model, "3x3_conv", relu(apply(model, "3x3_reduce_conv", x)))),
        relu(apply(model, "5x5_conv", relu(apply(model, "5x5_reduce_conv", x)))),
        relu(apply(model, "pool_projection_conv", ops.max_pool(x, 3, 1, padding="same"))),
    ]
    assert_allclose(output(model, x), np.concatenate(branches, axis=-1), rtol=1e-4, atol=1e-5)
    assert model.output_shape == (None, 9, 9, 18)


def test_blocks_without_a_name_can_be_repeated():
    image = x = keras.Input((8, 8, 4))
    for _ in range(2):
        x = blocks.residual_block(x, 4)
    assert keras.Model(image, x).output_shape == (None, 8, 8, 4)


@pytest.mark.parametrize("strides, filters, added", [(1, 4, True), (1, 6, False), (2, 4, False)])
def test_inverted_residual_block_is_wide_inside(strides, filters, added):
    """Sandler et al. 2018, table 1: 1 x 1 to 6 c, ReLU6; f x f map by map, ReLU6; 1 x 1 to the output, linear."""
    model = model_of(blocks.inverted_residual_block, filters=filters, kernel_size=5, strides=strides)
    generator = np.random.default_rng(1)
    model.set_weights([generator.uniform(0.2, 1, w.shape) for w in model.get_weights()])
    x = images(2, 8, 8, 4)
    a = x
    for part in ("expand", "depthwise", "project"):
        a = apply(model, f"{part}_bn", apply(model, f"{part}_conv", a))
        if part != "project":
            a = ops.clip(a, 0, 6)
    assert_allclose(output(model, x), a + x if added else a, rtol=1e-5, atol=1e-5)
    assert model.get_layer("block_depthwise_conv").get_weights()[0].shape == (5, 5, 24, 1)
    convolutions = 4 * 24 + 5 * 5 * 24 + 24 * filters
    assert model.count_params() == convolutions + 4 * (24 + 24 + filters)
    assert model.output_shape == (None, 8 // strides, 8 // strides, filters)


def test_inverted_residual_block_without_expansion():
    model = model_of(blocks.inverted_residual_block, filters=4, expansion=1)
    assert [layer.name for layer in model.layers if "conv" in layer.name] == [
        "block_depthwise_conv",
        "block_project_conv",
    ]


def test_inverted_residual_block_keeps_the_size_of_the_signal():
    """He's variance for a filter that sees one map: 2 / f^2."""
    keras.utils.set_random_seed(1)
    model = model_of(blocks.inverted_residual_block, shape=(32, 32, 64), filters=64, kernel_size=5)
    [kernel] = model.get_layer("block_depthwise_conv").get_weights()
    assert kernel.std() == pytest.approx(np.sqrt(2) / 5, rel=0.05)

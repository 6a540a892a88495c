"""The building blocks of convolutional networks: a tensor in, a tensor out, a few lines each.

Tensors have the shape (batch, height, width, channels). Layers are named as in `keras.applications`,
so that weights saved there fit here: see `coursekit.vision.copy_weights`.
Each raises ValueError where Keras is set to channels first.
"""

import math
from typing import Any

from keras import KerasTensor, initializers, layers

from coursekit.environment import check_channels_last

__all__ = ["bottleneck_block", "conv_block", "inception_block", "inverted_residual_block", "residual_block"]


def conv_block(
    x: KerasTensor,
    filters: int,
    kernel_size: int = 3,
    *,
    strides: int = 1,
    padding: str = "same",
    activation: str | None = "relu",
    batch_normalization: bool = True,
    epsilon: float = 1.001e-5,
    name: str | None = None,
    **options: Any,
) -> KerasTensor:
    """Convolution, then batch normalisation, then the activation (slide "Convolution layer").

    Args:
        x: (batch, height, width, channels).
        activation: None leaves the result as it is.
        batch_normalization: Ioffe & Szegedy 2015; False for the networks before it.
        epsilon: added to its variances.
        name: prefix of the layers' names.
        options: for `keras.layers.Conv2D`, such as ``groups``.

    Returns:
        (batch, new height, new width, filters); "same" padding divides height and width by
        ``strides`` and rounds up.
    """
    check_channels_last()
    x = layers.Conv2D(
        filters, kernel_size, strides, padding, kernel_initializer="he_normal", name=_part(name, "conv"), **options
    )(x)
    if batch_normalization:
        x = layers.BatchNormalization(epsilon=epsilon, name=_part(name, "bn"))(x)
    if activation:
        x = layers.Activation(activation, name=_part(name, activation))(x)
    return x


def residual_block(
    x: KerasTensor,
    filters: int,
    *,
    strides: int = 1,
    max_pool: bool = False,
    shortcut: bool = True,
    batch_normalization: bool = True,
    name: str | None = None,
) -> KerasTensor:
    """ReLU(F(a) + a), or ReLU(F(a) + W a) where the shape changes (slides "ResNet Block").

    F is two 3 x 3 convolutions (He et al. 2016, figure 2, and figure 5 left); W is a 1 x 1
    convolution with the same stride (equation 2, option B).

    Args:
        x: a, (batch, height, width, channels).
        strides: of the first convolution, and of W.
        max_pool: the lecture's second drawing, F = MaxPool(ReLU(Conv(a))): halves height and width.
        shortcut: False leaves the "+ a" out: the plain block to compare with.

    Returns:
        (batch, height / strides, width / strides, filters), rounded up; halved with ``max_pool``.

    Raises:
        ValueError: max_pool together with strides other than 1.
    """
    if max_pool and strides != 1:
        raise ValueError(f"strides must be 1 with max_pool, which halves the size itself; got {strides!r}")
    options = {"batch_normalization": batch_normalization}
    residual = conv_block(x, filters, strides=strides, name=_part(name, "1"), **options)
    if max_pool:
        residual = layers.MaxPooling2D(2, padding="same", name=_part(name, "pool"))(residual)
    else:
        residual = conv_block(residual, filters, activation=None, name=_part(name, "2"), **options)
    return _join(x, residual, 2 if max_pool else strides, shortcut, name, options)


def bottleneck_block(
    x: KerasTensor,
    filters: int,
    *,
    strides: int = 1,
    projection: bool | None = None,
    batch_normalization: bool = True,
    name: str | None = None,
) -> KerasTensor:
    """A residual block that is thin in the middle: 1 x 1, 3 x 3, 1 x 1 (He et al. 2016, figure 5 right).

    Args:
        x: (batch, height, width, channels).
        filters: of the first two convolutions; the last has four times as many.
        strides: of the first convolution, and of the projection W.
        projection: whether the shortcut is W a; by default only where the shapes differ.

    Returns:
        (batch, height / strides, width / strides, 4 * filters), rounded up.
    """
    options = {"batch_normalization": batch_normalization}
    residual = conv_block(x, filters, 1, strides=strides, name=_part(name, "1"), **options)
    residual = conv_block(residual, filters, 3, name=_part(name, "2"), **options)
    residual = conv_block(residual, 4 * filters, 1, activation=None, name=_part(name, "3"), **options)
    return _join(x, residual, strides, True, name, options, projection)


def _join(x, residual, strides, shortcut, name, options, projection=None):
    """ReLU(residual + shortcut), with a projection where the shapes differ."""
    if projection is None:
        projection = strides != 1 or x.shape[-1] != residual.shape[-1]
    if shortcut:
        if projection:
            x = conv_block(x, residual.shape[-1], 1, strides=strides, activation=None, name=_part(name, "0"), **options)
        residual = layers.Add(name=_part(name, "add"))([x, residual])
    return layers.Activation("relu", name=_part(name, "out"))(residual)


def inverted_residual_block(
    x: KerasTensor,
    filters: int,
    kernel_size: int = 3,
    *,
    strides: int = 1,
    expansion: int = 6,
    epsilon: float = 1e-3,
    name: str | None = None,
) -> KerasTensor:
    """Widen, filter each map on its own, narrow again: wide inside and thin at its ends, where a bottleneck is
    the reverse (MobileNetV2: Sandler et al. 2018, section 3.3, with the ReLU6 of its section 3).

    The filter is the depthwise half of a separable convolution: f · f weights a map instead of f · f · c.
    Where nothing changes its shape, x is added; nothing follows the narrowing, whose outputs are few.

    Args:
        x: (batch, height, width, channels).
        filters: of the output.
        kernel_size: f, of the depthwise convolution.
        strides: of the same.
        expansion: how much wider; 1 leaves the widening out.
        epsilon: of the batch normalisations.
        name: prefix of the layers' names.

    Returns:
        (batch, height / strides, width / strides, filters), rounded up.
    """
    a, channels = x, x.shape[-1]
    # each filter sees one map; Keras' own "he_normal" would count them all
    he_normal = initializers.RandomNormal(stddev=math.sqrt(2) / kernel_size)
    if expansion > 1:
        a = conv_block(
            a, expansion * channels, 1, activation="relu6", epsilon=epsilon, use_bias=False, name=_part(name, "expand")
        )
    a = layers.DepthwiseConv2D(
        kernel_size,
        strides,
        "same",
        use_bias=False,
        depthwise_initializer=he_normal,
        name=_part(name, "depthwise_conv"),
    )(a)
    a = layers.BatchNormalization(epsilon=epsilon, name=_part(name, "depthwise_bn"))(a)
    a = layers.Activation("relu6", name=_part(name, "depthwise_relu6"))(a)
    a = conv_block(a, filters, 1, activation=None, epsilon=epsilon, use_bias=False, name=_part(name, "project"))
    return layers.Add(name=_part(name, "add"))([a, x]) if strides == 1 and filters == channels else a


def inception_block(
    x: KerasTensor,
    branch_1x1: int,
    branch_3x3: tuple[int, int],
    branch_5x5: tuple[int, int],
    branch_pool: int,
    *,
    batch_normalization: bool = False,
    name: str | None = None,
) -> KerasTensor:
    """Four branches side by side, joined along the channels (Szegedy et al. 2015, figure 2b;
    slides "Inception Block").

    Args:
        x: (batch, height, width, channels).
        branch_1x1: filters of the 1 x 1 branch.
        branch_3x3, branch_5x5: filters of the 1 x 1 bottleneck, and of the convolution after it.
        branch_pool: filters of the 1 x 1 convolution after a 3 x 3 max-pooling.

    Returns:
        (batch, height, width, branch_1x1 + branch_3x3[1] + branch_5x5[1] + branch_pool).
    """
    options = {"batch_normalization": batch_normalization}
    ones = conv_block(x, branch_1x1, 1, name=_part(name, "1x1"), **options)
    threes = conv_block(x, branch_3x3[0], 1, name=_part(name, "3x3_reduce"), **options)
    threes = conv_block(threes, branch_3x3[1], 3, name=_part(name, "3x3"), **options)
    fives = conv_block(x, branch_5x5[0], 1, name=_part(name, "5x5_reduce"), **options)
    fives = conv_block(fives, branch_5x5[1], 5, name=_part(name, "5x5"), **options)
    pooled = layers.MaxPooling2D(3, strides=1, padding="same", name=_part(name, "pool"))(x)
    pooled = conv_block(pooled, branch_pool, 1, name=_part(name, "pool_projection"), **options)
    return layers.Concatenate(name=_part(name, "output"))([ones, threes, fives, pooled])


def _part(name, part):
    return f"{name}_{part}" if name else None

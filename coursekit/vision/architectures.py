"""The famous convolutional networks (slides "Architectures"): functions that return a `keras.Model`.

Arguments are those of `keras.applications`:

    input_shape            (height, width, channels) of an image
    classes                outputs of the last layer
    classifier_activation  of the last layer; None for the scores themselves
    include_top            False leaves out everything after the last feature maps
    name                   of the model

Every builder raises ValueError for an input_shape that is not three integers or is smaller than the
network can take, for classes below 1 (TypeError for no integer), and where Keras is set to channels
first. Height and width may be None without the top.
"""

from collections.abc import Callable, Sequence
from numbers import Integral
from typing import Any

from keras import KerasTensor, Model, layers

from coursekit.checks import check_choice, check_integer
from coursekit.environment import check_channels_last
from coursekit.vision.blocks import (
    bottleneck_block,
    conv_block,
    inception_block,
    inverted_residual_block,
    residual_block,
)

__all__ = ["alexnet", "efficientnet_lite0", "inception_v1", "lenet5", "resnet18", "resnet34", "resnet50", "vgg16"]

Shape = tuple[int | None, int | None, int]


def lenet5(
    input_shape: Shape = (32, 32, 1),
    classes: int = 10,
    *,
    activation: str = "tanh",
    pooling: str = "average",
    classifier_activation: str | None = "softmax",
    include_top: bool = True,
    name: str = "lenet5",
) -> Model:
    """LeNet-5, 61,706 parameters (LeCun, Bottou, Bengio & Haffner 1998, figure 2).

    As the lecture draws it: every map of C3 sees all maps of S2 (the paper's table I connects some),
    pooling has no weights and the last layer is a softmax. Images of 28 x 28 pixels are padded to
    32 x 32 beforehand, as in the paper.

    Args:
        activation: the paper's "tanh", or "relu".
        pooling: the paper's "average", or "max".

    Raises:
        ValueError: as above (at least 32 x 32), or another pooling.
    """
    check_network(input_shape, classes, include_top, smallest=32)
    check_choice("pooling", pooling, ("average", "max"))
    pool = layers.AveragePooling2D if pooling == "average" else layers.MaxPooling2D
    image = layers.Input(input_shape, name="image")
    x = layers.Conv2D(6, 5, activation=activation, name="C1")(image)
    x = pool(2, name="S2")(x)
    x = layers.Conv2D(16, 5, activation=activation, name="C3")(x)
    x = pool(2, name="S4")(x)
    x = layers.Conv2D(120, 5, activation=activation, name="C5")(x)
    if include_top:
        x = layers.Flatten(name="flatten")(x)
        x = layers.Dense(84, activation=activation, name="F6")(x)
        x = layers.Dense(classes, activation=classifier_activation, name="output")(x)
    return Model(image, x, name=name)


def alexnet(
    input_shape: Shape = (227, 227, 3),
    classes: int = 1000,
    *,
    groups: int = 1,
    classifier_activation: str | None = "softmax",
    include_top: bool = True,
    name: str = "alexnet",
) -> Model:
    """AlexNet (Krizhevsky, Sutskever & Hinton 2012, section 3.5 and figure 2).

    One tower has 62,378,344 parameters. ``groups=2`` cuts the convolutions 2, 4 and 5 in two
    halves, as the paper did for its two GPUs: 60,965,224. Local response normalisation, which has
    no parameters, is left out. The paper says 224 x 224 images; its sizes need 227 x 227.

    Raises:
        ValueError: as above (at least 67 x 67), or groups that are neither 1 nor 2.
    """
    check_network(input_shape, classes, include_top, smallest=67)
    if groups not in (1, 2):
        raise ValueError(f"groups must be 1 (one tower) or 2 (the paper's two GPUs); got {groups!r}")
    plain = {"batch_normalization": False}
    image = layers.Input(input_shape, name="image")
    x = conv_block(image, 96, 11, strides=4, padding="valid", name="conv1", **plain)
    x = layers.MaxPooling2D(3, 2, name="pool1")(x)
    x = conv_block(x, 256, 5, groups=groups, name="conv2", **plain)
    x = layers.MaxPooling2D(3, 2, name="pool2")(x)
    x = conv_block(x, 384, name="conv3", **plain)
    x = conv_block(x, 384, groups=groups, name="conv4", **plain)
    x = conv_block(x, 256, groups=groups, name="conv5", **plain)
    x = layers.MaxPooling2D(3, 2, name="pool5")(x)
    if include_top:
        x = layers.Flatten(name="flatten")(x)
        for number in (6, 7):
            x = layers.Dense(4096, activation="relu", name=f"fc{number}")(x)
            x = layers.Dropout(0.5, name=f"dropout{number}")(x)
        x = layers.Dense(classes, activation=classifier_activation, name="predictions")(x)
    return Model(image, x, name=name)


def vgg16(
    input_shape: Shape = (224, 224, 3),
    classes: int = 1000,
    *,
    classifier_activation: str | None = "softmax",
    include_top: bool = True,
    name: str = "vgg16",
) -> Model:
    """VGG16, 138,357,544 parameters (Simonyan & Zisserman 2015, table 1, column D; slide "VGG16").

    3 x 3 convolutions and 2 x 2 max-pooling throughout; `keras.applications.VGG16` layer by layer.

    Raises:
        ValueError: as above (at least 32 x 32).
    """
    check_network(input_shape, classes, include_top, smallest=32)
    image = x = layers.Input(input_shape, name="image")
    for block, (depth, filters) in enumerate([(2, 64), (2, 128), (3, 256), (3, 512), (3, 512)], start=1):
        for number in range(1, depth + 1):
            x = layers.Conv2D(
                filters,
                3,
                padding="same",
                activation="relu",
                kernel_initializer="he_normal",
                name=f"block{block}_conv{number}",
            )(x)
        x = layers.MaxPooling2D(2, name=f"block{block}_pool")(x)
    if include_top:
        x = layers.Flatten(name="flatten")(x)
        x = layers.Dense(4096, activation="relu", name="fc1")(x)
        x = layers.Dense(4096, activation="relu", name="fc2")(x)
        x = layers.Dense(classes, activation=classifier_activation, name="predictions")(x)
    return Model(image, x, name=name)


def resnet18(
    input_shape: Shape = (224, 224, 3), classes: int = 1000, *, name: str = "resnet18", **options: Any
) -> Model:
    """ResNet-18, 11,703,912 parameters (He, Zhang, Ren & Sun 2016, table 1).

    Args:
        options: ``stem``, ``classifier_activation`` and ``include_top`` as in `resnet50`.

    Raises:
        ValueError: as `resnet50`.
    """
    return _resnet(residual_block, (2, 2, 2, 2), input_shape, classes, name=name, **options)


def resnet34(
    input_shape: Shape = (224, 224, 3), classes: int = 1000, *, name: str = "resnet34", **options: Any
) -> Model:
    """ResNet-34, 21,823,208 parameters (He et al. 2016, table 1 and figure 3 right).

    Args:
        options: ``stem``, ``classifier_activation`` and ``include_top`` as in `resnet50`.

    Raises:
        ValueError: as `resnet50`.
    """
    return _resnet(residual_block, (3, 4, 6, 3), input_shape, classes, name=name, **options)


def resnet50(
    input_shape: Shape = (224, 224, 3), classes: int = 1000, *, name: str = "resnet50", **options: Any
) -> Model:
    """ResNet-50, 25,636,712 parameters: `keras.applications.ResNet50` layer by layer (He et al. 2016, table 1).

    As there, each convolution has a bias, which the batch normalisation after it makes redundant.

    Args:
        options:
            ``stem``: "imagenet", a 7 x 7 convolution and a max-pooling that divide the size by 4, or
            "cifar" for images of about 32 x 32, a 3 x 3 convolution that keeps it (He et al. 2016,
            section 4.2);
            ``classifier_activation``, ``include_top``.

    Raises:
        ValueError: as above (at least 32 x 32; 8 x 8 with the cifar stem), or another stem.
    """
    return _resnet(bottleneck_block, (3, 4, 6, 3), input_shape, classes, name=name, **options)


def _resnet(
    block: Callable[..., KerasTensor],
    depths: Sequence[int],
    input_shape: Shape,
    classes: int,
    *,
    name: str,
    stem: str = "imagenet",
    classifier_activation: str | None = "softmax",
    include_top: bool = True,
) -> Model:
    check_choice("stem", stem, ("imagenet", "cifar"))
    check_network(input_shape, classes, include_top, smallest=32 if stem == "imagenet" else 8)
    image = layers.Input(input_shape, name="image")
    if stem == "imagenet":
        x = layers.ZeroPadding2D(3, name="conv1_pad")(image)
        x = conv_block(x, 64, 7, strides=2, padding="valid", name="conv1")
        x = layers.ZeroPadding2D(1, name="pool1_pad")(x)
        x = layers.MaxPooling2D(3, 2, name="pool1_pool")(x)
    else:
        x = conv_block(image, 64, name="conv1")
    for stage, depth in enumerate(depths, start=2):
        for number in range(1, depth + 1):
            first_of_stage = stage > 2 and number == 1
            x = block(x, 64 * 2 ** (stage - 2), strides=2 if first_of_stage else 1, name=f"conv{stage}_block{number}")
    if include_top:
        x = layers.GlobalAveragePooling2D(name="avg_pool")(x)
        x = layers.Dense(classes, activation=classifier_activation, name="predictions")(x)
    return Model(image, x, name=name)


# Szegedy et al. 2015, table 1: filters of 1x1, (3x3 reduce, 3x3), (5x5 reduce, 5x5), pool projection.
GOOGLENET = {
    "3a": (64, (96, 128), (16, 32), 32),
    "3b": (128, (128, 192), (32, 96), 64),
    "4a": (192, (96, 208), (16, 48), 64),
    "4b": (160, (112, 224), (24, 64), 64),
    "4c": (128, (128, 256), (24, 64), 64),
    "4d": (112, (144, 288), (32, 64), 64),
    "4e": (256, (160, 320), (32, 128), 128),
    "5a": (256, (160, 320), (32, 128), 128),
    "5b": (384, (192, 384), (48, 128), 128),
}


def inception_v1(
    input_shape: Shape = (224, 224, 3),
    classes: int = 1000,
    *,
    auxiliary_heads: bool = False,
    classifier_activation: str | None = "softmax",
    include_top: bool = True,
    name: str = "inception_v1",
) -> Model:
    """GoogLeNet, 6,998,552 parameters (Szegedy et al. 2015, table 1; slides "Inception Block").

    Local response normalisation, which has no parameters, is left out.

    Args:
        auxiliary_heads: True adds the paper's two classifiers half-way up (section 5), for training:
            the outputs are then [predictions, auxiliary1, auxiliary2]; the paper weighs the losses
            of the auxiliary ones by 0.3. 13,378,280 parameters.

    Raises:
        ValueError: as above (at least 32 x 32; 65 x 65 with auxiliary heads, which go with the top).
    """
    check_network(input_shape, classes, include_top, smallest=65 if auxiliary_heads else 32)
    if auxiliary_heads and not include_top:
        raise ValueError("auxiliary_heads=True needs include_top=True: the heads are classifiers")
    plain = {"batch_normalization": False}
    image = layers.Input(input_shape, name="image")
    x = conv_block(image, 64, 7, strides=2, name="conv1", **plain)
    x = layers.MaxPooling2D(3, 2, "same", name="pool1")(x)
    x = conv_block(x, 64, 1, name="conv2_reduce", **plain)
    x = conv_block(x, 192, 3, name="conv2", **plain)
    x = layers.MaxPooling2D(3, 2, "same", name="pool2")(x)
    outputs = []
    for block, filters in GOOGLENET.items():
        if block in ("4a", "5a"):
            x = layers.MaxPooling2D(3, 2, "same", name=f"pool{int(block[0]) - 1}")(x)
        x = inception_block(x, *filters, name=f"inception_{block}")
        if auxiliary_heads and block in ("4a", "4d"):
            outputs.append(_auxiliary_head(x, classes, classifier_activation, f"auxiliary{len(outputs) + 1}"))
    if include_top:
        x = layers.GlobalAveragePooling2D(name="avg_pool")(x)
        x = layers.Dropout(0.4, name="dropout")(x)
        x = layers.Dense(classes, activation=classifier_activation, name="predictions")(x)
    return Model(image, [x, *outputs] if outputs else x, name=name)


def _auxiliary_head(x, classes, classifier_activation, name):
    x = layers.AveragePooling2D(5, 3, name=f"{name}_pool")(x)
    x = conv_block(x, 128, 1, batch_normalization=False, name=name)
    x = layers.Flatten(name=f"{name}_flatten")(x)
    x = layers.Dense(1024, activation="relu", name=f"{name}_fc")(x)
    x = layers.Dropout(0.7, name=f"{name}_dropout")(x)
    return layers.Dense(classes, activation=classifier_activation, name=name)(x)


# Tan & Le 2019, table 1: repeats, kernel size, stride of the first, expansion, filters.
EFFICIENTNET_B0 = [
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
]


def efficientnet_lite0(
    input_shape: Shape = (224, 224, 3),
    classes: int = 1000,
    *,
    classifier_activation: str | None = "softmax",
    include_top: bool = True,
    name: str = "efficientnet_lite0",
) -> Model:
    """EfficientNet-Lite0, 4,652,008 parameters: EfficientNet-B0 (Tan & Le 2019, table 1) made for phones by its
    authors, with ReLU6 and without squeeze-and-excitation (github.com/tensorflow/tpu, efficientnet/lite).

    Images are (x - 127) / 128 for x in 0 ... 255. `coursekit.vision.load_imagenet_weights` fills it.

    Raises:
        ValueError: as above (at least 32 x 32).
    """
    check_network(input_shape, classes, include_top, smallest=32)
    image = layers.Input(input_shape, name="image")
    options = {"activation": "relu6", "epsilon": 1e-3, "use_bias": False}
    x = conv_block(image, 32, 3, strides=2, name="stem", **options)
    for stage, (repeats, kernel_size, strides, expansion, filters) in enumerate(EFFICIENTNET_B0, start=1):
        for number in range(1, repeats + 1):
            x = inverted_residual_block(
                x,
                filters,
                kernel_size,
                strides=strides if number == 1 else 1,
                expansion=expansion,
                name=f"stage{stage}_block{number}",
            )
    x = conv_block(x, 1280, 1, name="head", **options)
    if include_top:
        x = layers.GlobalAveragePooling2D(name="avg_pool")(x)
        x = layers.Dropout(0.2, name="dropout")(x)
        x = layers.Dense(classes, activation=classifier_activation, name="predictions")(x)
    return Model(image, x, name=name)


def check_network(input_shape: Any, classes: Any, include_top: bool, smallest: int) -> None:
    """Raise TypeError or ValueError unless a network that needs ``smallest`` pixels can be built."""
    check_channels_last()
    sizes = tuple(input_shape) if isinstance(input_shape, Sequence) else ()
    open_ended = not include_top and sizes[:2] == (None, None)
    numbers = sizes[2:] if open_ended else sizes
    if len(sizes) != 3 or not all(isinstance(n, Integral) and n >= 1 for n in numbers):
        raise ValueError(f"input_shape must be three integers (height, width, channels); got {input_shape!r}")
    if not open_ended and min(sizes[:2]) < smallest:
        raise ValueError(
            f"input_shape must be at least {smallest} x {smallest} pixels for this network; got {input_shape!r}"
        )
    check_integer("classes", classes, at_least=1)

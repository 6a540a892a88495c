"""The networks that these models are made of: encoders, decoders, generators and discriminators.

Each builder raises TypeError or ValueError for a ``latent_dim`` or ``units`` that is not an integer >= 1 and
for shapes, ``hidden`` or ``filters`` that are not tuples of such; the convolutional ones also for an image
shape that is not (height, width, channels), or whose sides cannot be halved so often, and where Keras is
set to channels first.
"""

import math
from collections.abc import Sequence

from keras import Model, layers

from coursekit.checks import check_integer, check_sizes
from coursekit.environment import check_channels_last

__all__ = [
    "convolutional_decoder",
    "convolutional_discriminator",
    "convolutional_encoder",
    "convolutional_generator",
    "dense_decoder",
    "dense_encoder",
]


def dense_encoder(
    input_shape: Sequence[int],
    latent_dim: int,
    hidden: Sequence[int] = (256,),
    *,
    activation: str = "relu",
    code_activation: str | None = None,
    name: str = "encoder",
) -> Model:
    """Fully connected layers from an example to its code.

    Args:
        input_shape: of one example, such as (28, 28, 1) or (784,).
        latent_dim: numbers in the code; for a VAE twice that, means and log-variances.
        hidden: widths of the layers between; () for none.
        activation, code_activation: of these layers, and of the code.
    """
    check_integer("latent_dim", latent_dim, at_least=1)
    check_sizes(hidden=hidden, input_shape=input_shape)
    image = layers.Input(tuple(input_shape), name="example")
    x = layers.Flatten(name="flatten")(image)
    for number, width in enumerate(hidden, 1):
        x = layers.Dense(width, activation=activation, name=f"hidden{number}")(x)
    return Model(image, layers.Dense(latent_dim, activation=code_activation, name="code")(x), name=name)


def dense_decoder(
    output_shape: Sequence[int],
    latent_dim: int,
    hidden: Sequence[int] = (256,),
    *,
    activation: str = "relu",
    output_activation: str | None = "sigmoid",
    name: str = "decoder",
) -> Model:
    """Fully connected layers from a code to an example.

    Args:
        output_shape: of one example.
        latent_dim: numbers in the code.
        hidden, activation: of the layers between, in order.
        output_activation: of the pixels; None for the scores themselves, which a VAE needs.
    """
    check_integer("latent_dim", latent_dim, at_least=1)
    check_sizes(hidden=hidden, output_shape=output_shape)
    x = code = layers.Input((latent_dim,), name="code")
    for number, width in enumerate(hidden, 1):
        x = layers.Dense(width, activation=activation, name=f"hidden{number}")(x)
    x = layers.Dense(math.prod(output_shape), activation=output_activation, name="pixels")(x)
    return Model(code, layers.Reshape(tuple(output_shape), name="example")(x), name=name)


def convolutional_encoder(
    input_shape: Sequence[int],
    latent_dim: int,
    filters: Sequence[int] = (32, 64),
    *,
    activation: str = "relu",
    code_activation: str | None = None,
    name: str = "encoder",
) -> Model:
    """3 x 3 convolutions with stride 2, each halving height and width, then one dense layer.

    Args:
        input_shape: (height, width, channels).
        latent_dim: as in `dense_encoder`.
        filters: of the convolutions, in order.
        activation, code_activation: of the convolutions, and of the code.
    """
    check_integer("latent_dim", latent_dim, at_least=1)
    check_sizes(filters=filters)
    _check_image("input_shape", input_shape)
    image = x = layers.Input(tuple(input_shape), name="example")
    for number, depth in enumerate(filters, 1):
        x = layers.Conv2D(depth, 3, 2, "same", activation=activation, name=f"conv{number}")(x)
    x = layers.Flatten(name="flatten")(x)
    return Model(image, layers.Dense(latent_dim, activation=code_activation, name="code")(x), name=name)


def convolutional_decoder(
    output_shape: Sequence[int],
    latent_dim: int,
    filters: Sequence[int] = (64, 32),
    *,
    activation: str = "relu",
    output_activation: str | None = "sigmoid",
    name: str = "decoder",
) -> Model:
    """The way back: a dense layer, then 3 x 3 transposed convolutions that double height and width.

    Args:
        output_shape: (height, width, channels); height and width divisible by 2^len(filters).
        latent_dim: as in `dense_decoder`.
        filters: of the transposed convolutions, in order; one more makes the channels.
        activation, output_activation: of these, and of the pixels (None for scores, which a VAE needs).
    """
    check_integer("latent_dim", latent_dim, at_least=1)
    check_sizes(filters=filters)
    height, width, channels = _check_image("output_shape", output_shape, doublings=len(filters))
    start = (height >> len(filters), width >> len(filters), filters[0] if filters else channels)
    code = layers.Input((latent_dim,), name="code")
    x = layers.Dense(math.prod(start), activation=activation, name="dense")(code)
    x = layers.Reshape(start, name="maps")(x)
    for number, depth in enumerate(filters, 1):
        x = layers.Conv2DTranspose(depth, 3, 2, "same", activation=activation, name=f"conv{number}")(x)
    x = layers.Conv2DTranspose(channels, 3, 1, "same", activation=output_activation, name="pixels")(x)
    return Model(code, x, name=name)


def convolutional_generator(
    output_shape: Sequence[int] = (28, 28, 1),
    latent_dim: int = 74,
    filters: Sequence[int] = (128, 64),
    units: int | None = 1024,
    *,
    batch_normalization: bool = True,
    activation: str = "relu",
    name: str = "generator",
) -> Model:
    """From z to an image in [0, 1]: dense layers, then 4 x 4 transposed convolutions that double height
    and width. By default the generator of Chen et al. (2016, table 1), after Radford et al. (2016).

    Args:
        output_shape: (height, width, channels), height and width divisible by 2^len(filters).
        latent_dim: numbers in z.
        filters: channels of the maps that the transposed convolutions take, in order.
        units: width of a first dense layer; None for none.
        batch_normalization: after every layer but the last.
        activation: of every layer but the last, which has a sigmoid.
    """
    check_integer("latent_dim", latent_dim, at_least=1)
    check_sizes(filters=filters)
    if not filters:
        raise ValueError("filters must hold at least one number; got ()")
    if units is not None:
        check_integer("units", units, at_least=1)
    height, width, channels = _check_image("output_shape", output_shape, doublings=len(filters))
    start = (height >> len(filters), width >> len(filters), filters[0])

    def finish(x):
        if batch_normalization:
            x = layers.BatchNormalization(momentum=0.9)(x)
        return layers.Activation(activation)(x)

    x = z = layers.Input((latent_dim,), name="z")
    bias = not batch_normalization  # which has a shift of its own
    for size in (*[units] * (units is not None), math.prod(start)):
        x = finish(layers.Dense(size, use_bias=bias)(x))
    x = layers.Reshape(start)(x)
    for depth in filters[1:]:
        x = finish(layers.Conv2DTranspose(depth, 4, 2, "same", use_bias=bias)(x))
    x = layers.Conv2DTranspose(channels, 4, 2, "same", activation="sigmoid", name="image")(x)
    return Model(z, x, name=name)


def convolutional_discriminator(
    input_shape: Sequence[int] = (28, 28, 1),
    filters: Sequence[int] = (64, 128),
    units: int | None = 1024,
    *,
    code_outputs: int = 0,
    code_units: int = 128,
    batch_normalization: bool = True,
    spectral_normalization: bool = False,
    negative_slope: float = 0.1,
    name: str = "discriminator",
) -> Model:
    """From an image to its score: 4 x 4 convolutions that halve height and width, then dense layers.
    By default the discriminator of Chen et al. (2016, table 1), and with ``code_outputs=14`` their Q beside it.

    Args:
        input_shape: (height, width, channels).
        filters: of the convolutions, in order.
        units: width of the dense layer that follows; None for none.
        code_outputs: numbers in InfoGAN's second output; 0 for no such output.
        code_units: width of the layer before it.
        batch_normalization: after every layer but the first and the outputs.
        spectral_normalization: divide every kernel but Q's by its largest singular value (Miyato et al. 2018).
        negative_slope: of the leaky ReLUs.
    """
    check_sizes(filters=filters)
    _check_image("input_shape", input_shape)
    check_integer("code_outputs", code_outputs, at_least=0)
    check_integer("code_units", code_units, at_least=1)
    if units is not None:
        check_integer("units", units, at_least=1)

    def normalized(layer):
        return layers.SpectralNormalization(layer) if spectral_normalization else layer

    def finish(x, normalize=batch_normalization):
        if normalize:
            x = layers.BatchNormalization(momentum=0.9)(x)
        return layers.LeakyReLU(negative_slope)(x)

    image = x = layers.Input(tuple(input_shape), name="example")
    for number, depth in enumerate(filters):
        x = finish(normalized(layers.Conv2D(depth, 4, 2, "same"))(x), batch_normalization and number > 0)
    x = layers.Flatten()(x)
    if units is not None:
        x = finish(normalized(layers.Dense(units))(x))
    score = normalized(layers.Dense(1, name="score"))(x)
    if not code_outputs:
        return Model(image, score, name=name)
    code = layers.Dense(code_outputs, name="code")(finish(layers.Dense(code_units)(x)))
    return Model(image, [score, code], name=name)


def _check_image(name, shape, doublings=0):
    """Height, width and channels, or an error."""
    check_channels_last()
    check_sizes(**{name: shape})
    factor = 2**doublings
    if len(shape) != 3 or shape[0] % factor or shape[1] % factor:
        divisible = f" with sides divisible by {factor} for {doublings} filters" * (doublings > 0)
        raise ValueError(f"{name} must be three integers (height, width, channels){divisible}; got {tuple(shape)}")
    return shape

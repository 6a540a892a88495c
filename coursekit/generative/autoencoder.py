"""Autoencoders: r = g(f(x)) through a code h = f(x), kept from merely copying (slides "Autoencoders").

Tensors have the shape (batch, *example): (batch, height, width, channels) for images. A code has
the shape (batch, latent_dim).
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
from keras import KerasTensor, Model, layers, ops

from coursekit.generative.checked_model import (
    CheckedModel,
    check_array,
    check_count,
    check_models,
    check_sizes,
    check_weight,
    in_batches,
)

__all__ = [
    "CORRUPTIONS",
    "LOSSES",
    "Autoencoder",
    "batch_jacobian",
    "contractive_penalty",
    "contractive_penalty_of_sigmoid_layer",
    "convolutional_decoder",
    "convolutional_encoder",
    "corrupt",
    "dense_decoder",
    "dense_encoder",
    "gradient",
]

CORRUPTIONS = ("gaussian", "masking", "salt_and_pepper")
LOSSES = ("squared_error", "binary_cross_entropy")


@keras.saving.register_keras_serializable("coursekit")
class Autoencoder(CheckedModel):
    """Encoder and decoder, trained to give back their input.

    Minimised is the mean over the images of L(x, g(f(x~))) + Omega, with

    - L the squared error sum_p (x_p - r_p)^2 over the pixels p, or the binary cross-entropy in nats;
    - Omega = sparsity · sum_i |h_i| (a sparse autoencoder, slide "Regularization for autoencoders")
      + contraction · sum_i ||grad_x h_i||^2, the squared Frobenius norm of the encoder's Jacobian
      (a contractive one: Rifai, Vincent, Muller, Glorot & Bengio 2011);
    - x~ a corrupted x in training (a denoising one: Vincent, Larochelle, Bengio & Manzagol 2008).

    ``model.fit(x)`` reports "loss", "reconstruction" = L and, where their weights are not 0, the
    terms "sparsity" and "contraction" of Omega. ``model.fit(x, y)`` reconstructs y instead of x.

    Args:
        encoder: f, a model from the example to the code, such as `dense_encoder`.
        decoder: g, a model from the code to the example, such as `dense_decoder`.
        sparsity, contraction: the weights lambda >= 0 of the two penalties.
        noise: (kind, strength) of `corrupt`, such as ("masking", 0.3).
        loss: "squared_error", or "binary_cross_entropy", for which the decoder must end in a sigmoid.
        seed: of the noise; None for one drawn from Keras' global seed.
        name: of the model.

    Raises:
        ValueError: models that do not fit together, negative weights, an unknown loss or noise.
            Later, for images (examples of rank 3) or with the binary cross-entropy: values outside
            [0, 1].
    """

    takes_targets = True

    def __init__(
        self,
        encoder: Model,
        decoder: Model,
        *,
        sparsity: float = 0.0,
        contraction: float = 0.0,
        noise: tuple[str, float] | None = None,
        loss: str = "squared_error",
        seed: int | None = None,
        name: str = "autoencoder",
        **options: Any,
    ):
        super().__init__(name=name, **options)
        self.example_shape = check_pair(encoder, decoder)
        if encoder.output_shape != decoder.input_shape:
            raise ValueError(
                f"decoder must take the code that encoder gives, {encoder.output_shape}; got {decoder.input_shape}"
            )
        check_weight("sparsity", sparsity)
        check_weight("contraction", contraction)
        if noise is not None:
            if not isinstance(noise, Sequence) or isinstance(noise, str) or len(noise) != 2:
                raise ValueError(f"noise must be None or a pair (kind, strength); got {noise!r}")
            _check_corruption(*noise)
        if loss not in LOSSES:
            raise ValueError(f"loss must be one of {', '.join(LOSSES)}; got {loss!r}")
        if loss == "binary_cross_entropy" and last_activation(decoder) is keras.activations.linear:
            raise ValueError("decoder must end in a sigmoid for loss='binary_cross_entropy'; got no activation")
        self.encoder, self.decoder = encoder, decoder
        self.sparsity, self.contraction, self.noise = sparsity, contraction, noise and tuple(noise)
        self.reconstruction_loss, self.seed = loss, seed
        self.unit_interval = loss == "binary_cross_entropy" or len(self.example_shape) == 3
        self.seed_generator = keras.random.SeedGenerator(seed)
        self.follow("reconstruction", *["sparsity"] * bool(sparsity), *["contraction"] * bool(contraction))
        self.built = True

    def call(self, x: KerasTensor, training: bool = False) -> KerasTensor:
        """The reconstruction of x, from a corrupted x while training."""
        x = ops.cast(x, self.compute_dtype)
        if self.noise and training:
            x = corrupt(x, *self.noise, seed=self.seed_generator)
        code = self.encoder(x, training=training)
        if self.sparsity:
            self.add_loss(self.sparsity * ops.mean(_sum(ops.abs(code))))
        return self.decoder(code, training=training)

    def compute_loss(
        self,
        x: KerasTensor = None,
        y: KerasTensor | None = None,
        y_pred: KerasTensor = None,
        sample_weight: KerasTensor | None = None,
        training: bool = True,
    ) -> KerasTensor:
        """L + Omega, a mean over the batch."""
        self.check_targets(x, y, sample_weight)
        x = ops.cast(x, self.compute_dtype)
        target = x if y is None else ops.cast(y, self.compute_dtype)
        losses = list(self.losses)  # what call added, then the regularisers of encoder and decoder
        terms = {"reconstruction": ops.mean(self.distance(target, y_pred))}
        if self.sparsity:
            terms["sparsity"] = losses.pop(0)
        if self.contraction:
            terms["contraction"] = self.contraction * ops.mean(contractive_penalty(self.encoder, x))
        self.track(x, **terms)
        return sum(losses, start=sum(terms.values()))

    def distance(self, x: KerasTensor, reconstruction: KerasTensor) -> KerasTensor:
        """L(x, r) of each example: (batch, *example) twice -> (batch,)."""
        if self.reconstruction_loss == "squared_error":
            return _sum(ops.square(x - reconstruction))
        return _sum(ops.binary_crossentropy(x, reconstruction))

    def encode(self, x: np.ndarray, batch_size: int = 1024) -> np.ndarray:
        """h = f(x): (n, *example) -> (n, latent_dim). Raises ValueError as `check`."""
        return in_batches(lambda images: self.encoder(images, training=False), self.check(x), batch_size)

    def decode(self, code: np.ndarray, batch_size: int = 1024) -> np.ndarray:
        """r = g(h): (n, latent_dim) -> (n, *example). Raises ValueError for codes of another shape."""
        code = check_array("code", code, self.decoder.input_shape[1:])
        return in_batches(lambda codes: self.decoder(codes, training=False), code, batch_size)

    def reconstruct(self, x: np.ndarray, batch_size: int = 1024) -> np.ndarray:
        """g(f(x)), without noise: (n, *example) -> the same shape. Raises ValueError as `check`."""
        return in_batches(lambda images: self(images, training=False), self.check(x), batch_size)

    def jacobian_norm(self, x: np.ndarray, batch_size: int = 64) -> np.ndarray:
        """||dh/dx||, the Frobenius norm at each example: -> (n,). Raises ValueError as `check`."""
        return in_batches(lambda images: ops.sqrt(contractive_penalty(self.encoder, images)), self.check(x), batch_size)

    def get_config(self) -> dict:
        """What `keras.Model.save` keeps."""
        return super().get_config() | {
            "encoder": keras.saving.serialize_keras_object(self.encoder),
            "decoder": keras.saving.serialize_keras_object(self.decoder),
            "sparsity": self.sparsity,
            "contraction": self.contraction,
            "noise": self.noise,
            "loss": self.reconstruction_loss,
            "seed": self.seed,
        }

    @classmethod
    def from_config(cls, config: dict) -> "Autoencoder":
        """The model of `get_config`, with fresh weights."""
        return cls(**config | revive_pair(config))


def corrupt(x: KerasTensor, kind: str, strength: float, seed: Any = None) -> KerasTensor:
    """A copy x~ of x with noise in it (Vincent et al. 2010).

    Args:
        x: of any shape; every value is corrupted on its own.
        kind: "gaussian" adds N(0, strength^2), unclipped; "masking" sets a share ``strength`` of the
            values to 0; "salt_and_pepper" sets that share to 0 or 1, by a fair coin.
        strength: a standard deviation >= 0, or a share in [0, 1].
        seed: an integer, a `keras.random.SeedGenerator`, or None for Keras' global one.

    Raises:
        ValueError: another kind, or a strength out of range.
    """
    _check_corruption(kind, strength)
    x = ops.convert_to_tensor(x)
    if kind == "gaussian":
        return x + keras.random.normal(ops.shape(x), stddev=strength, dtype=x.dtype, seed=seed)
    chance = keras.random.uniform(ops.shape(x), dtype=x.dtype, seed=seed)
    if kind == "masking":
        return ops.where(chance < strength, ops.zeros_like(x), x)
    pepper, salt = chance < strength / 2, chance >= 1 - strength / 2
    return ops.where(pepper, ops.zeros_like(x), ops.where(salt, ops.ones_like(x), x))


def _check_corruption(kind, strength):
    if kind not in CORRUPTIONS:
        raise ValueError(f"noise must be one of {', '.join(CORRUPTIONS)}; got {kind!r}")
    check_weight(f"strength of {kind} noise", strength)
    if kind != "gaussian" and strength > 1:
        raise ValueError(f"strength of {kind} noise must be a share in [0, 1]; got {strength!r}")


def contractive_penalty(encoder: Model, x: KerasTensor) -> KerasTensor:
    """sum_i ||grad_x h_i||^2 of each example: (batch, *example) -> (batch,).

    The squared Frobenius norm of the Jacobian of the encoder as it is at test time (no dropout,
    stored means and variances), exact and differentiable in the encoder's weights.
    """
    outputs = math.prod(encoder.output_shape[1:])
    return _sum(ops.square(batch_jacobian(lambda images: encoder(images, training=False), x, outputs)))


def contractive_penalty_of_sigmoid_layer(code: KerasTensor, kernel: KerasTensor) -> KerasTensor:
    """The same for one dense layer with the sigmoid, in closed form (Rifai et al. 2011):
    sum_j (h_j (1 - h_j))^2 sum_i W_ij^2.

    Args:
        code: h = sigmoid(W' x + b), (batch, units).
        kernel: W, (inputs, units), as Keras keeps it.

    Returns:
        (batch,).
    """
    return ops.sum(ops.square(code * (1 - code)) * ops.sum(ops.square(kernel), axis=0), axis=-1)


def batch_jacobian(function: Callable[[KerasTensor], KerasTensor], x: KerasTensor, outputs: int) -> KerasTensor:
    """dy/dx of each example, exactly, and differentiable once more.

    Every example is copied once per output, and copy i contributes only its y_i to a sum: the
    gradient of that one sum holds all the rows dy_i/dx. Memory and time grow with ``outputs``.

    Args:
        function: from (batch, *example) to y, (batch, ...), each example on its own.
        x: (batch, *example).
        outputs: numbers in the y of one example.

    Returns:
        (batch, outputs, *example).
    """

    def sum_of_own_outputs(copies):
        y = ops.reshape(function(copies), (-1, outputs, outputs))
        return ops.sum(y * ops.eye(outputs, dtype=y.dtype))

    copies = ops.repeat(x, outputs, axis=0)
    return ops.reshape(gradient(sum_of_own_outputs, copies), (-1, outputs, *x.shape[1:]))


def gradient(function: Callable[[KerasTensor], KerasTensor], x: KerasTensor) -> KerasTensor:
    """The gradient of a scalar function, of the shape of x.

    The one place in which the backend shows: Keras has no gradients of its own.

    Raises:
        NotImplementedError: a backend other than TensorFlow and JAX.
    """
    x = ops.convert_to_tensor(x)
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        with tf.GradientTape() as tape:
            tape.watch(x)
            y = function(x)
        return tape.gradient(y, x, unconnected_gradients="zero")
    if keras.backend.backend() == "jax":
        import jax

        return jax.grad(function)(x)
    raise NotImplementedError(f"gradient needs Keras on TensorFlow or JAX; got {keras.backend.backend()}")


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

    Raises:
        ValueError: a shape, a width or a latent_dim that are not integers >= 1.
    """
    check_count("latent_dim", latent_dim)
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

    Raises:
        ValueError: as `dense_encoder`.
    """
    check_count("latent_dim", latent_dim)
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

    Raises:
        ValueError: a shape that is not three integers, or filters or a latent_dim below 1.
    """
    check_count("latent_dim", latent_dim)
    check_sizes(filters=filters, input_shape=input_shape)
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

    Raises:
        ValueError: as `convolutional_encoder`, or sides that cannot be halved so often.
    """
    check_count("latent_dim", latent_dim)
    check_sizes(filters=filters, output_shape=output_shape)
    _check_image("output_shape", output_shape)
    height, width, channels = output_shape
    factor = 2 ** len(filters)
    if height % factor or width % factor:
        raise ValueError(
            f"output_shape must have sides divisible by {factor} for {len(filters)} filters; got {tuple(output_shape)}"
        )
    start = (height // factor, width // factor, filters[0] if filters else channels)
    code = layers.Input((latent_dim,), name="code")
    x = layers.Dense(math.prod(start), activation=activation, name="dense")(code)
    x = layers.Reshape(start, name="maps")(x)
    for number, depth in enumerate(filters, 1):
        x = layers.Conv2DTranspose(depth, 3, 2, "same", activation=activation, name=f"conv{number}")(x)
    x = layers.Conv2DTranspose(channels, 3, 1, "same", activation=output_activation, name="pixels")(x)
    return Model(code, x, name=name)


def check_pair(encoder: Model, decoder: Model) -> tuple[int | None, ...]:
    """The shape of an example, or ValueError unless the decoder gives back what the encoder takes."""
    check_models(encoder=encoder, decoder=decoder)
    if encoder.input_shape != decoder.output_shape:
        raise ValueError(
            f"decoder must give back the shape that encoder takes, {encoder.input_shape}; got {decoder.output_shape}"
        )
    return tuple(encoder.input_shape[1:])


def revive_pair(config: dict) -> dict[str, Model]:
    """The encoder and the decoder in a saved configuration."""
    return {part: keras.saving.deserialize_keras_object(config[part]) for part in ("encoder", "decoder")}


def last_activation(model: Model) -> Callable | None:
    """The activation of the last layer that has one, such as `keras.activations.linear`."""
    return next((layer.activation for layer in reversed(model.layers) if hasattr(layer, "activation")), None)


def _sum(x):
    """Over everything but the batch."""
    return ops.sum(x, axis=tuple(range(1, len(x.shape))))


def _check_image(name, shape):
    if len(shape) != 3:
        raise ValueError(f"{name} must be three integers (height, width, channels); got {shape!r}")

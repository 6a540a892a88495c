"""Autoencoders: r = g(f(x)) through a code h = f(x), kept from merely copying (slides "Autoencoders").

Tensors have the shape (batch, *example): (batch, height, width, channels) for images. A code has
the shape (batch, latent_dim).
"""

import math
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import KerasTensor, Model, ops

from coursekit.checks import check_array, check_choice, check_number
from coursekit.generative.checked_model import CheckedModel, check_models, check_shapes, gives_probabilities, in_batches
from coursekit.generative.gradients import batch_jacobian

__all__ = ["Autoencoder", "contractive_penalty", "corrupt"]

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
        TypeError, ValueError: models that do not fit together, weights that are no numbers >= 0, an unknown
            loss or noise.
            Later, for images (examples of rank 3) or with the binary cross-entropy: values outside
            [0, 1].
    """

    takes_targets = True
    networks = ("encoder", "decoder")
    settings = ("sparsity", "contraction", "noise", "seed")

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
        check_models(encoder=encoder, decoder=decoder)
        check_shapes("decoder must give back the shape that encoder takes", encoder.input_shape, decoder.output_shape)
        check_shapes("decoder must take the code that encoder gives", encoder.output_shape, decoder.input_shape)
        check_number("sparsity", sparsity)
        check_number("contraction", contraction)
        check_choice("loss", loss, LOSSES)
        if noise is not None:
            if not isinstance(noise, Sequence) or isinstance(noise, str) or len(noise) != 2:
                raise ValueError(f"noise must be None or a pair (kind, strength); got {noise!r}")
            _check_corruption(*noise)
        if loss == "binary_cross_entropy" and not gives_probabilities(decoder):
            raise ValueError(f"decoder must end in a sigmoid for loss={loss!r}; got outputs outside [0, 1]")
        self.encoder, self.decoder = encoder, decoder
        self.sparsity, self.contraction, self.noise = sparsity, contraction, noise and tuple(noise)
        self.reconstruction_loss, self.seed = loss, seed
        self.example_shape = tuple(encoder.input_shape[1:])
        self.unit_interval = loss == "binary_cross_entropy" or len(self.example_shape) == 3
        self.seed_generator = keras.random.SeedGenerator(seed)
        self.add_trackers("reconstruction", *["sparsity"] * bool(sparsity), *["contraction"] * bool(contraction))
        self.built = True

    def call(self, x: KerasTensor, training: bool = False) -> KerasTensor:
        """The reconstruction of x, from a corrupted x while training."""
        x = ops.cast(x, self.compute_dtype)
        if self.noise and training:
            x = corrupt(x, *self.noise, seed=self.seed_generator)
        code = self.encoder(x, training=training)
        if self.sparsity:
            self.add_loss(self.sparsity * ops.mean(_sum(ops.abs(self.to_loss_dtype(code)))))
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
        x, losses = (
            self.to_loss_dtype(x),
            list(self.losses),
        )  # what call added, then the regularisers of encoder and decoder
        terms = {"reconstruction": ops.mean(self.distance(x if y is None else y, y_pred))}
        if self.sparsity:
            terms["sparsity"] = losses.pop(0)
        if self.contraction:
            terms["contraction"] = self.contraction * ops.mean(contractive_penalty(self.encoder, x))
        self.update_trackers(x, **terms)
        return sum(losses, start=sum(terms.values()))

    def distance(self, x: KerasTensor, reconstruction: KerasTensor) -> KerasTensor:
        """L(x, r) of each example: (batch, *example) twice -> (batch,)."""
        x, reconstruction = self.to_loss_dtype(x), self.to_loss_dtype(reconstruction)
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
        return super().get_config() | {"loss": self.reconstruction_loss}


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
    check_choice("noise", kind, CORRUPTIONS)
    check_number(f"strength of {kind} noise", strength, at_most=math.inf if kind == "gaussian" else 1)


def contractive_penalty(encoder: Model, x: KerasTensor) -> KerasTensor:
    """sum_i ||grad_x h_i||^2 of each example: (batch, *example) -> (batch,).

    The squared Frobenius norm of the Jacobian of the encoder as it is at test time (no dropout,
    stored means and variances), exact and differentiable in the encoder's weights.
    """
    outputs = math.prod(encoder.output_shape[1:])
    return _sum(ops.square(batch_jacobian(lambda images: encoder(images, training=False), x, outputs)))


def _sum(x):
    """Over everything but the batch."""
    return ops.sum(x, axis=tuple(range(1, len(x.shape))))

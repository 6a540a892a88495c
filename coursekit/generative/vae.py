"""The variational autoencoder (Kingma & Welling 2014; slides "Variational autoencoders").

A hidden z ~ N(0, I) makes an image through p(x|z); an encoder gives q(z|x) = N(mean, diag exp(log_variance)).
Everything is in nats.
"""

import math
from typing import Any

import keras
import numpy as np
from keras import KerasTensor, Model, ops

from coursekit.generative.autoencoder import check_pair, last_activation, revive_pair
from coursekit.generative.checked_model import CheckedModel, check_array, check_count, check_weight, in_batches

__all__ = ["LIKELIHOODS", "VariationalAutoencoder", "kl_to_standard_normal", "normal_log_density", "reparameterize"]

LIKELIHOODS = ("bernoulli", "gaussian")


def reparameterize(mean: KerasTensor, log_variance: KerasTensor, seed: Any = None) -> KerasTensor:
    """z = mean + sigma · epsilon with epsilon ~ N(0, I): a sample of q(z|x) that gradients pass through.

    Args:
        mean: of any shape, which is that of z.
        log_variance: log sigma^2, of that shape or one that fits.
        seed: an integer, a `keras.random.SeedGenerator`, or None for Keras' global one.
    """
    mean = ops.convert_to_tensor(mean)
    epsilon = keras.random.normal(ops.shape(mean), dtype=mean.dtype, seed=seed)
    return mean + ops.exp(0.5 * log_variance) * epsilon


def kl_to_standard_normal(mean: KerasTensor, log_variance: KerasTensor) -> KerasTensor:
    """KL(N(mean, diag exp(log_variance)), N(0, I)) = 1/2 sum_j (mean_j^2 + sigma_j^2 - 1 - log sigma_j^2):
    (batch, latent_dim) twice -> (batch,), in nats (Kingma & Welling 2014, appendix B)."""
    return 0.5 * ops.sum(ops.square(mean) + ops.exp(log_variance) - 1 - log_variance, axis=-1)


def normal_log_density(z: KerasTensor, mean: Any = 0.0, log_variance: Any = 0.0) -> KerasTensor:
    """log N(z; mean, diag exp(log_variance)), by default log N(z; 0, I): (..., dim) -> (...), in nats."""
    z = ops.convert_to_tensor(z)
    mean, log_variance = ops.cast(mean, z.dtype), ops.cast(log_variance, z.dtype)
    squares = ops.square(z - mean) * ops.exp(-log_variance)
    return -0.5 * ops.sum(squares + log_variance + math.log(2 * math.pi), axis=-1)


@keras.saving.register_keras_serializable("coursekit")
class VariationalAutoencoder(CheckedModel):
    """Maximises the evidence lower bound ELBO = E_q log p(x|z) - KL(q(z|x), p(z)) <= log p(x).

    ``model.fit(x)`` reports "loss", and in nats per image "elbo", "reconstruction" = log p(x|z) at
    one sampled z, and "kl". The loss is beta · kl - reconstruction; with ``beta=1`` it is -elbo.
    New images come from the prior p(z): `generate`; q(z|x) gives reconstructions.

    Args:
        encoder: from the example to two outputs, mean and log-variance, each (batch, latent_dim), or
            to one of (batch, 2 · latent_dim), the means first: ``dense_encoder(shape, 2 * latent_dim)``.
        decoder: from z, (batch, latent_dim), to the example. For "bernoulli" it must output LOGITS a
            with p(x_p = 1|z) = sigmoid(a_p), so no sigmoid at its end: the likelihood x_p a_p -
            log(1 + e^{a_p}) then never takes the logarithm of 0. For "gaussian" it outputs means.
            ``dense_decoder(shape, latent_dim, output_activation=None)`` serves both.
        likelihood: "bernoulli", for values in [0, 1] (a log-probability where they are 0 or 1), or
            "gaussian", N(x; decoder(z), scale^2 I).
        beta: weight of the KL term in the loss, >= 0 (Higgins et al. 2017).
        scale: standard deviation of the Gaussian likelihood, > 0.
        seed: of the sampled z; None for one drawn from Keras' global seed.
        name: of the model.

    Calling the model gives reconstructions, as `reconstruct`.

    Raises:
        ValueError: models that do not fit together, a decoder that ends in a sigmoid with "bernoulli",
            an unknown likelihood, beta < 0 or scale <= 0. Later: values outside [0, 1] for images
            (examples of rank 3) and for "bernoulli".
    """

    def __init__(
        self,
        encoder: Model,
        decoder: Model,
        *,
        likelihood: str = "bernoulli",
        beta: float = 1.0,
        scale: float = 1.0,
        seed: int | None = None,
        name: str = "variational_autoencoder",
        **options: Any,
    ):
        super().__init__(name=name, **options)
        self.example_shape = check_pair(encoder, decoder)
        if likelihood not in LIKELIHOODS:
            raise ValueError(f"likelihood must be one of {', '.join(LIKELIHOODS)}; got {likelihood!r}")
        check_weight("beta", beta)
        check_weight("scale", scale)
        if scale == 0:
            raise ValueError(f"scale must be > 0; got {scale!r}")
        if likelihood == "bernoulli" and last_activation(decoder) in (
            keras.activations.sigmoid,
            keras.activations.softmax,
        ):
            raise ValueError(
                "decoder must output logits for likelihood='bernoulli', with no activation at its end; "
                f"got {last_activation(decoder).__name__}"
            )
        if len(decoder.input_shape) != 2:
            raise ValueError(f"decoder must take z of shape (batch, latent_dim); got {decoder.input_shape}")
        self.latent_dim = decoder.input_shape[-1]
        codes = encoder.output_shape
        if codes not in [(None, 2 * self.latent_dim), *[kind([(None, self.latent_dim)] * 2) for kind in (list, tuple)]]:
            raise ValueError(
                f"encoder must have two outputs (batch, {self.latent_dim}), or one "
                f"(batch, {2 * self.latent_dim}), for this decoder; got {codes}"
            )
        self.encoder, self.decoder = encoder, decoder
        self.likelihood, self.beta, self.scale, self.seed = likelihood, beta, scale, seed
        self.unit_interval = likelihood == "bernoulli" or len(self.example_shape) == 3
        self.seed_generator = keras.random.SeedGenerator(seed)
        self.follow("elbo", "reconstruction", "kl")
        self.built = True

    def call(self, x: KerasTensor) -> KerasTensor:
        """The reconstruction of x: the mean of p(x|z) at the mean of q(z|x). Training samples z instead."""
        mean, _ = self.posterior(x)
        return self.mean_image(mean)

    def posterior(self, x: KerasTensor, training: bool = False) -> tuple[KerasTensor, KerasTensor]:
        """Mean and log-variance of q(z|x), each (batch, latent_dim)."""
        outputs = self.encoder(ops.cast(x, self.compute_dtype), training=training)
        mean, log_variance = outputs if isinstance(outputs, (list, tuple)) else ops.split(outputs, 2, axis=-1)
        return mean, log_variance

    def mean_image(self, z: KerasTensor) -> KerasTensor:
        """The mean of p(x|z), a probability per pixel for "bernoulli": (batch, latent_dim) -> (batch, *example)."""
        output = self.decoder(z, training=False)
        return ops.sigmoid(output) if self.likelihood == "bernoulli" else output

    def elbo_terms(self, x: KerasTensor, training: bool = False) -> tuple[KerasTensor, KerasTensor]:
        """log p(x|z) at one sample z of q(z|x), and KL(q(z|x), p(z)): each (batch,)."""
        mean, log_variance = self.posterior(x, training)
        z = reparameterize(mean, log_variance, self.seed_generator)
        reconstruction = self.conditional_log_likelihood(x, self.decoder(z, training=training))
        return reconstruction, kl_to_standard_normal(mean, log_variance)

    def conditional_log_likelihood(self, x: KerasTensor, output: KerasTensor) -> KerasTensor:
        """log p(x|z), given the decoder's output at z: (batch, *example) twice -> (batch,)."""
        x, output = (
            ops.reshape(ops.cast(tensor, self.compute_dtype), (-1, math.prod(self.example_shape)))
            for tensor in (x, output)
        )
        if self.likelihood == "bernoulli":
            return ops.sum(x * output - ops.softplus(output), axis=-1)
        return normal_log_density(x, output, 2 * math.log(self.scale))

    def compute_loss(
        self,
        x: KerasTensor = None,
        y: KerasTensor | None = None,
        y_pred: KerasTensor = None,
        sample_weight: KerasTensor | None = None,
        training: bool = True,
    ) -> KerasTensor:
        """beta · KL - log p(x|z), a mean over the batch."""
        self.check_targets(x, y, sample_weight)  # y_pred, a reconstruction without noise, is not needed
        reconstruction, kl = (ops.mean(term) for term in self.elbo_terms(x, training))
        self.track(x, elbo=reconstruction - kl, reconstruction=reconstruction, kl=kl)
        return sum(self.losses, start=self.beta * kl - reconstruction)

    def encode(self, x: np.ndarray, batch_size: int = 1024) -> tuple[np.ndarray, np.ndarray]:
        """Mean and log-variance of q(z|x), each (n, latent_dim). Raises ValueError as `check`."""
        return in_batches(self.posterior, self.check(x), batch_size)

    def decode(self, z: np.ndarray, batch_size: int = 1024) -> np.ndarray:
        """`mean_image` of many: (n, latent_dim) -> (n, *example). Raises ValueError for z of another shape."""
        return in_batches(self.mean_image, check_array("z", z, (self.latent_dim,)), batch_size)

    def reconstruct(self, x: np.ndarray, batch_size: int = 1024) -> np.ndarray:
        """`decode` at the mean of q(z|x): (n, *example) -> the same shape. Raises ValueError as `check`."""
        return in_batches(self, self.check(x), batch_size)

    def generate(self, n: int, seed: int | None = None, batch_size: int = 1024) -> np.ndarray:
        """`decode` at n samples of the prior N(0, I): -> (n, *example). Raises ValueError for n below 1."""
        check_count("n", n)
        return self.decode(keras.random.normal((n, self.latent_dim), seed=seed), batch_size)

    def interpolate(self, x1: np.ndarray, x2: np.ndarray, steps: int = 8, batch_size: int = 1024) -> np.ndarray:
        """`decode` along the straight line between the means of q(z|x1) and q(z|x2).

        Args:
            x1, x2: (n, *example) each.
            steps: images a line, both ends included.

        Returns:
            (n, steps, *example).

        Raises:
            ValueError: as `check`, different n, or steps below 2.
        """
        check_count("steps", steps, least=2)
        (z1, _), (z2, _) = self.encode(x1, batch_size), self.encode(x2, batch_size)
        if len(z1) != len(z2):
            raise ValueError(f"x1 and x2 must hold equally many examples; got {len(z1)} and {len(z2)}")
        line = np.linspace(z1, z2, steps, axis=1).reshape(-1, self.latent_dim)
        return self.decode(line, batch_size).reshape(len(z1), steps, *self.example_shape)

    def log_likelihood(
        self, x: np.ndarray, samples: int = 100, batch_size: int = 1024, seed: int | None = None
    ) -> np.ndarray:
        """The importance-weighted estimate of log p(x) (Burda, Grosse & Salakhutdinov 2016, section 3):
        log 1/K sum_k p(x, z_k) / q(z_k|x) with z_k ~ q(z|x).

        Its mean is a lower bound: the ELBO for K = 1, closer to log p(x) with every sample.

        Args:
            x: (n, *example).
            samples: K; the paper takes 5000.
            batch_size: how many z are in memory at a time.
            seed: of the samples; they also depend on batch_size.

        Returns:
            (n,), in nats.

        Raises:
            ValueError: as `check`, or samples or batch_size below 1.
        """
        check_count("samples", samples)
        generator = keras.random.SeedGenerator(seed)

        def estimate(images):
            mean, log_variance = self.posterior(images)
            total, at_once = -math.inf, max(1, batch_size // len(images))
            for start in range(0, samples, at_once):
                count = min(at_once, samples - start)
                z = reparameterize(ops.broadcast_to(mean, (count, *mean.shape)), log_variance, generator)
                output = self.decoder(ops.reshape(z, (-1, self.latent_dim)), training=False)
                log_p_x = self.conditional_log_likelihood(
                    ops.tile(images, (count, *[1] * len(self.example_shape))), output
                )
                log_p_z, log_q_z = normal_log_density(z), normal_log_density(z, mean, log_variance)
                log_weights = ops.reshape(log_p_x, (count, -1)) + log_p_z - log_q_z
                total = ops.logaddexp(total, ops.logsumexp(log_weights, axis=0))
            return total - math.log(samples)

        return in_batches(estimate, self.check(x), batch_size)

    def get_config(self) -> dict:
        """What `keras.Model.save` keeps."""
        return super().get_config() | {
            "encoder": keras.saving.serialize_keras_object(self.encoder),
            "decoder": keras.saving.serialize_keras_object(self.decoder),
            "likelihood": self.likelihood,
            "beta": self.beta,
            "scale": self.scale,
            "seed": self.seed,
        }

    @classmethod
    def from_config(cls, config: dict) -> "VariationalAutoencoder":
        """The model of `get_config`, with fresh weights."""
        return cls(**config | revive_pair(config))

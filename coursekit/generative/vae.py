"""The variational autoencoder (Kingma & Welling 2014; slides "Variational autoencoders").

A hidden z ~ N(0, I) makes an image through p(x|z); an encoder gives q(z|x) = N(mean, diag exp(log_variance)).
Everything is in nats.
"""

import math
from typing import Any

import keras
import numpy as np
from keras import KerasTensor, Model, ops

from coursekit.checks import check_array, check_choice, check_integer, check_number
from coursekit.generative.checked_model import (
    CheckedModel,
    check_models,
    check_shapes,
    gives_probabilities,
    in_batches,
    vector_length,
)

__all__ = ["VariationalAutoencoder", "kl_to_standard_normal", "normal_log_density", "reparameterize"]

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
    if not keras.backend.is_float_dtype(keras.backend.standardize_dtype(z.dtype)):
        z = ops.cast(z, keras.config.floatx())
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
        TypeError, ValueError: models that do not fit together, a decoder that ends in a sigmoid with
            "bernoulli", an unknown likelihood, beta < 0 or scale <= 0. Later: values outside [0, 1] for images
            (examples of rank 3) and for "bernoulli".
    """

    networks = ("encoder", "decoder")
    settings = ("likelihood", "beta", "scale", "seed")

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
        check_models(encoder=encoder, decoder=decoder)
        check_shapes("decoder must give back the shape that encoder takes", encoder.input_shape, decoder.output_shape)
        self.latent_dim = vector_length("decoder", decoder)
        codes, two = encoder.output_shape, [(None, self.latent_dim)] * 2
        if codes not in ((None, 2 * self.latent_dim), two, tuple(two)):
            raise ValueError(
                f"encoder must have two outputs (batch, {self.latent_dim}), or one "
                f"(batch, {2 * self.latent_dim}), for this decoder; got {codes}"
            )
        check_choice("likelihood", likelihood, LIKELIHOODS)
        check_number("beta", beta)
        check_number("scale", scale, positive=True)
        if likelihood == "bernoulli" and gives_probabilities(decoder):
            raise ValueError(
                "decoder must output logits for likelihood='bernoulli', with no activation at its end; "
                "got probabilities, as after a sigmoid"
            )
        self.encoder, self.decoder = encoder, decoder
        self.likelihood, self.beta, self.scale, self.seed = likelihood, beta, scale, seed
        self.example_shape = tuple(encoder.input_shape[1:])
        self.unit_interval = likelihood == "bernoulli" or len(self.example_shape) == 3
        self.seed_generator = keras.random.SeedGenerator(seed)
        self.add_trackers("elbo", "reconstruction", "kl")
        self.built = True

    def call(self, x: KerasTensor) -> KerasTensor:
        """The reconstruction of x: the mean of p(x|z) at the mean of q(z|x). Training samples z instead."""
        mean, _ = self.posterior(x)
        return self.mean_image(mean)

    def posterior(self, x: KerasTensor, training: bool = False) -> tuple[KerasTensor, KerasTensor]:
        """Mean and log-variance of q(z|x), each (batch, latent_dim)."""
        outputs = self.encoder(ops.cast(x, self.compute_dtype), training=training)
        mean, log_variance = outputs if isinstance(outputs, (list, tuple)) else ops.split(outputs, 2, axis=-1)
        return self.to_loss_dtype(mean), self.to_loss_dtype(log_variance)

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
            ops.reshape(self.to_loss_dtype(tensor), (-1, math.prod(self.example_shape))) for tensor in (x, output)
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
        """beta · KL - log p(x|z), a mean over the batch; y_pred, a reconstruction without noise, is not needed."""
        reconstruction, kl = (ops.mean(term) for term in self.elbo_terms(x, training))
        self.update_trackers(x, elbo=reconstruction - kl, reconstruction=reconstruction, kl=kl)
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
        check_integer("n", n, at_least=1)
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
        check_integer("steps", steps, at_least=2)
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
        check_integer("samples", samples, at_least=1)
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

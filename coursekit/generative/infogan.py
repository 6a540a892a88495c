"""InfoGAN: a GAN whose images show the codes that they were made from (Chen et al. 2016; slides "InfoGAN")."""

import math
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import KerasTensor, Model, ops

from coursekit.checks import check_integer, check_number
from coursekit.generative.checked_model import in_batches
from coursekit.generative.gan import GAN
from coursekit.generative.vae import normal_log_density

__all__ = ["InfoGAN"]

SMALLEST_LOG_VARIANCE = -6.0  # of q(c|x): its standard deviation stays above e^-3 = 0.05


@keras.saving.register_keras_serializable("coursekit")
class InfoGAN(GAN):
    """A GAN whose input holds codes c that can be read off the image (Chen et al. 2016).

    z = (noise, c1 as a one-hot vector, c2, c3, ...): c1 is one of ``categories``, each as likely, and
    the ``continuous`` others are uniform on [-1, 1]. The discriminator has a second output, Q(c|x),
    on the same trunk. Both players gain ``categorical_weight`` times the bound on the mutual
    information of c1 and G(z), and ``continuous_weight`` times those of the others (section 5):

        L_I = H(c) + E log Q(c | G(z)) <= I(c; G(z)),

    with the entropy H(c1) = log categories and H(cj) = log 2 for j > 1, and Q(cj|x) Gaussian with a
    mean and a variance of its own for each image. With both weights 0 Q learns nothing, and the
    model is a regular GAN.

    Reported beside what `GAN` reports: "L_I(c1)", "L_I(c2)", ... in nats; never above log categories for c1.

    Args:
        generator: from (batch, noise + categories + continuous) to the example.
        discriminator: from the example to its score, (batch, 1), and to Q's parameters, (batch,
            categories + 2 · continuous): scores of c1, means, log-variances. See
            `convolutional_discriminator` with ``code_outputs``.
        categories: values of c1, at least 2.
        continuous: how many continuous codes, at least 0.
        categorical_weight, continuous_weight: lambda for c1 and for the others, >= 0.
        name, options: as in `GAN`; its ``prior`` is that of the noise.

    Raises:
        TypeError, ValueError: as `GAN`, or sizes that do not fit.
    """

    settings = (*GAN.settings, "categories", "continuous", "categorical_weight", "continuous_weight")
    outputs = 2

    def __init__(
        self,
        generator: Model,
        discriminator: Model,
        *,
        categories: int = 10,
        continuous: int = 2,
        categorical_weight: float = 1.0,
        continuous_weight: float = 0.1,
        name: str = "infogan",
        **options: Any,
    ):
        super().__init__(generator, discriminator, name=name, **options)
        check_integer("categories", categories, at_least=2)
        check_integer("continuous", continuous, at_least=0)
        check_number("categorical_weight", categorical_weight)
        check_number("continuous_weight", continuous_weight)
        self.categories, self.continuous = categories, continuous
        self.categorical_weight, self.continuous_weight = categorical_weight, continuous_weight
        self.noise_dim = self.latent_dim - categories - continuous
        if self.noise_dim < 0:
            raise ValueError(
                f"generator must take at least categories + continuous = {categories + continuous} "
                f"numbers; got {self.latent_dim}"
            )
        wanted, got = categories + 2 * continuous, tuple(discriminator.outputs[1].shape)
        if got != (None, wanted):
            raise ValueError(
                f"discriminator's second output must be categories + 2 continuous = {wanted} numbers; "
                f"got the shape {got}"
            )
        self.add_trackers(*self._code_names())

    def _code_names(self):
        return [f"L_I(c{number})" for number in range(1, 2 + self.continuous)]

    def latent(self, n: int, seed: Any = None, c1: Any = None, continuous: Any = None) -> KerasTensor:
        """n inputs of the generator, (n, latent_dim); codes that are not given are sampled.

        Args:
            n: how many.
            seed: an integer, or None for the model's own generator.
            c1: integers in 0 ... categories - 1, (n,) or one for all.
            continuous: c2, c3, ..., (n, continuous) or (continuous,) for all.

        Raises:
            ValueError: categories out of range, or continuous codes of another shape or not finite.
        """
        if c1 is not None:
            c1 = np.asarray(c1)
            if c1.dtype.kind not in "iu" or c1.shape not in ((), (n,)) or c1.min() < 0 or c1.max() >= self.categories:
                raise ValueError(f"c1 must be integers in 0 ... {self.categories - 1}, one or {n}; got {c1!r}")
        if continuous is not None:
            continuous = np.asarray(continuous)
            shapes = ((self.continuous,), (n, self.continuous))
            if continuous.shape not in shapes or not np.isfinite(continuous).all():
                raise ValueError(
                    f"continuous must be finite and have the shape {shapes[0]} or {shapes[1]}; got {continuous!r}"
                )
        generator = self.seed_generator if seed is None else keras.random.SeedGenerator(seed)
        noise = self._noise((n, self.noise_dim), generator)
        if c1 is None:
            c1 = keras.random.randint((n,), 0, self.categories, seed=generator)
        if continuous is None:
            continuous = keras.random.uniform((n, self.continuous), -1, 1, seed=generator)
        one_hot = ops.one_hot(ops.broadcast_to(c1, (n,)), self.categories, dtype=noise.dtype)
        continuous = ops.broadcast_to(ops.cast(continuous, noise.dtype), (n, self.continuous))
        return ops.concatenate([noise, one_hot, continuous], axis=1)

    def split_code(self, z: KerasTensor) -> tuple[KerasTensor, KerasTensor]:
        """c1 as a one-hot vector, (batch, categories), and the others, (batch, continuous)."""
        codes = z[:, self.noise_dim :]
        return codes[:, : self.categories], codes[:, self.categories :]

    def information(self, parameters: KerasTensor, z: KerasTensor) -> list[KerasTensor]:
        """L_I of each code in nats, a mean over the batch.

        Args:
            parameters: of Q at G(z): (batch, categories + 2 · continuous).
            z: (batch, latent_dim).
        """
        one_hot, continuous = self.split_code(z)
        scores, mean, log_variance = self._q(parameters)
        log_q = [ops.sum(one_hot * ops.log_softmax(scores), axis=-1)]
        log_q += [
            normal_log_density(continuous[:, j : j + 1], mean[:, j : j + 1], log_variance[:, j : j + 1])
            for j in range(self.continuous)
        ]
        entropies = [math.log(self.categories), *[math.log(2)] * self.continuous]
        return [entropy + ops.mean(value) for entropy, value in zip(entropies, log_q)]

    def _information(self, codes, z, report=False):
        bounds = self.information(codes[0], z)
        if report:
            self.update_trackers(z, **dict(zip(self._code_names(), bounds)))
        return self.categorical_weight * bounds[0] + self.continuous_weight * sum(bounds[1:], start=0.0)

    def _q(self, parameters):
        scores, mean, log_variance = ops.split(
            parameters, (self.categories, self.categories + self.continuous), axis=-1
        )
        return scores, mean, ops.maximum(log_variance, SMALLEST_LOG_VARIANCE)

    def encode(self, x: np.ndarray, batch_size: int = 1024) -> tuple[np.ndarray, np.ndarray]:
        """Q(c1|x), (n, categories), and the means of Q(c2|x), Q(c3|x), ..., (n, continuous).
        Raises ValueError as `check`."""

        def read(images):
            scores, mean, _ = self._q(self.score_and_codes(images)[1])
            return ops.softmax(scores), mean

        return in_batches(read, self.check(x), batch_size)

    def generate(
        self, n: int, seed: int | None = None, batch_size: int = 1024, *, c1: Any = None, continuous: Any = None
    ) -> np.ndarray:
        """G(z) for n sampled z, with the codes that are given: -> (n, *example).

        Args:
            n, seed, batch_size: as in `GAN`.
            c1, continuous: as in `latent`; values of continuous codes outside [-1, 1] are allowed.

        Raises:
            ValueError: n below 1, or codes that `latent` refuses.
        """
        check_integer("n", n, at_least=1)
        return self.decode(self.latent(n, seed, c1, continuous), batch_size)

    def traverse(
        self, code: int, values: Sequence[float] | None = None, n: int = 10, seed: int | None = None
    ) -> np.ndarray:
        """Images in which one code alone moves along each row (Chen et al. 2016, figure 2).

        Args:
            code: 1 for c1, 2 for c2, ...
            values: of the code; by default every category, or 10 steps from -2 to 2.
            n: rows, each with noise and other codes of its own. For code > 1 c1 runs through the categories.
            seed: of the rows.

        Returns:
            (n, len(values), *example).

        Raises:
            ValueError: no such code, n below 1, values of c1 that are no categories, or others that are no list of
                finite numbers.
        """
        check_integer("code", code, at_least=1, at_most=1 + self.continuous)
        check_integer("n", n, at_least=1)
        c1 = np.arange(n) % self.categories if code > 1 else None
        rows = ops.convert_to_numpy(self.latent(n, seed, c1))
        if values is None:
            values = np.arange(self.categories) if code == 1 else np.linspace(-2, 2, 10)
        values = np.asarray(values)
        if values.ndim != 1 or not values.size or not np.isfinite(values).all():
            raise ValueError(f"values must be one or more finite numbers, (steps,); got {values!r}")
        if code == 1 and (values.dtype.kind not in "iu" or not ((0 <= values) & (values < self.categories)).all()):
            raise ValueError(f"values must be integers in 0 ... {self.categories - 1} for code 1; got {values!r}")
        z = np.repeat(rows[:, None], len(values), axis=1)
        if code == 1:
            z[:, :, self.noise_dim : self.noise_dim + self.categories] = np.eye(self.categories)[values]
        else:
            z[:, :, self.noise_dim + self.categories + code - 2] = values
        return self.decode(z.reshape(-1, self.latent_dim)).reshape(n, len(values), *self.example_shape)

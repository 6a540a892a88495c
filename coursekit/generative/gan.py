"""Generative adversarial networks (Goodfellow et al. 2014; slides "Generative Adversarial Networks")
and InfoGAN (Chen et al. 2016).

A generator G makes an example from noise z. A discriminator gives its score a(x), and D(x) = sigmoid(a(x))
is the probability that x is real:

    min_G max_D V(D, G) = E_x log D(x) + E_z log(1 - D(G(z))).

With scores no logarithm ever meets a 0: log D = -softplus(-a) and log(1 - D) = -softplus(a).
"""

import math
from collections.abc import Sequence
from contextlib import nullcontext
from numbers import Integral
from typing import Any

import keras
import numpy as np
from keras import KerasTensor, Model, layers, ops

from coursekit.generative.autoencoder import gradient, last_activation
from coursekit.generative.checked_model import (
    CheckedModel,
    check_array,
    check_count,
    check_models,
    check_sizes,
    check_weight,
    in_batches,
)
from coursekit.generative.vae import normal_log_density

__all__ = ["GAN", "GAN_LOSSES", "InfoGAN", "PRIORS", "convolutional_discriminator", "convolutional_generator"]

GAN_LOSSES = ("non_saturating", "minimax")
PRIORS = ("normal", "uniform")
SMALLEST_LOG_VARIANCE = -6.0  # of InfoGAN's q(c|x): its standard deviation stays above e^-3 = 0.05


@keras.saving.register_keras_serializable("coursekit")
class GAN(CheckedModel):
    """Generator and discriminator, trained in turns by Goodfellow et al.'s Algorithm 1.

    One step of ``model.fit(x)`` is one iteration of the algorithm: ``discriminator_steps`` updates of
    D, each with its own share of the batch and as many fakes, then one update of G. G's update
    takes the noise of D's last update, whose images are at hand. Each update changes the weights
    (and the moving averages) of its own network alone.

    Reported, as means over the batches: "D(x)", "D(G(z))" and "V" = V(D, G) in nats, as D finds them
    before each of its updates, "discriminator_loss" and "generator_loss". Where D cannot tell real
    from fake, D = 1/2 and V = -log 4.

    Args:
        generator: from z, (batch, latent_dim), to the example.
        discriminator: from the example to its score, (batch, 1), with no sigmoid at its end.
        loss: what G minimises: "minimax", E log(1 - D(G(z))), or "non_saturating", -E log D(G(z)), which
            has the same fixed point and does not vanish where D is sure (Goodfellow et al., section 3).
        discriminator_steps: k, the updates of D for each one of G; a batch must hold at least k examples.
        prior: of z, "normal" N(0, I) or "uniform" on [-1, 1].
        gradient_penalty: gamma of gamma/2 E ||grad_x a(x)||^2 at real x in D's loss: R1 of Mescheder,
            Geiger & Nowozin (2018), with which training converges near the equilibrium.
        instance_noise: standard deviation of Gaussian noise on all that D sees, real and fake
            (Sonderby et al. 2017), so that their distributions overlap.
        seed: of z and of the noise; None for one drawn from Keras' global seed.
        name: of the model.

    Calling the model gives D(x): (batch, *example) -> (batch,).

    Raises:
        ValueError: models that do not fit together, a discriminator that ends in a sigmoid, an unknown
            loss or prior, weights below 0, steps below 1. Later: values outside [0, 1] for images
            (examples of rank 3); batches of fewer than k examples.
        NotImplementedError: `fit` on a backend other than TensorFlow.
    """

    outputs = 1  # of the discriminator

    def __init__(
        self,
        generator: Model,
        discriminator: Model,
        *,
        loss: str = "non_saturating",
        discriminator_steps: int = 1,
        prior: str = "normal",
        gradient_penalty: float = 0.0,
        instance_noise: float = 0.0,
        seed: int | None = None,
        name: str = "gan",
        **options: Any,
    ):
        super().__init__(name=name, **options)
        check_models(generator=generator, discriminator=discriminator)
        if generator.output_shape != discriminator.input_shape:
            raise ValueError(
                f"generator must make what discriminator takes, {discriminator.input_shape}; "
                f"got {generator.output_shape}"
            )
        if len(generator.input_shape) != 2:
            raise ValueError(f"generator must take z of shape (batch, latent_dim); got {generator.input_shape}")
        shapes = [tuple(output.shape) for output in discriminator.outputs]
        if len(shapes) != self.outputs or shapes[0] != (None, 1):
            also = " and a second output for the codes" * (self.outputs == 2)
            raise ValueError(f"discriminator must give a score of shape (batch, 1){also}; got {shapes}")
        if last_activation(discriminator) is keras.activations.sigmoid:
            raise ValueError("discriminator must output scores, with no activation at its end; got sigmoid")
        if loss not in GAN_LOSSES:
            raise ValueError(f"loss must be one of {', '.join(GAN_LOSSES)}; got {loss!r}")
        if prior not in PRIORS:
            raise ValueError(f"prior must be one of {', '.join(PRIORS)}; got {prior!r}")
        check_count("discriminator_steps", discriminator_steps)
        check_weight("gradient_penalty", gradient_penalty)
        check_weight("instance_noise", instance_noise)
        self.generator, self.discriminator = generator, discriminator
        self.example_shape, self.latent_dim = tuple(generator.output_shape[1:]), generator.input_shape[-1]
        self.game, self.discriminator_steps, self.prior = loss, discriminator_steps, prior
        self.gradient_penalty, self.instance_noise, self.seed = gradient_penalty, instance_noise, seed
        self.unit_interval = len(self.example_shape) == 3
        self.seed_generator = keras.random.SeedGenerator(seed)
        self.follow("D(x)", "D(G(z))", "V", "discriminator_loss", "generator_loss")
        self.built = True

    def compile(self, generator_optimizer: Any = None, discriminator_optimizer: Any = None, **options: Any) -> None:
        """Prepare `fit`.

        Args:
            generator_optimizer, discriminator_optimizer: each a `keras.optimizers.Optimizer` of its own or
                a name; by default Adam(0.0002, beta_1=0.5) (Radford, Metz & Chintala 2016).
            options: ``run_eagerly``, ``steps_per_execution``, ``jit_compile`` of `keras.Model.compile`.

        Raises:
            ValueError: one optimizer for both.
        """
        if (
            generator_optimizer is not None
            and generator_optimizer is discriminator_optimizer
            and not isinstance(generator_optimizer, str)
        ):
            raise ValueError("generator_optimizer and discriminator_optimizer must be two objects; got the same one")
        super().compile(optimizer=None, **options)
        for role, optimizer in (("generator", generator_optimizer), ("discriminator", discriminator_optimizer)):
            optimizer = optimizer or keras.optimizers.Adam(2e-4, beta_1=0.5)
            optimizer = keras.optimizers.get(optimizer)
            optimizer.build(getattr(self, role).trainable_variables)
            setattr(self, f"{role}_optimizer", optimizer)

    @property
    def metrics(self) -> list:
        """The reported means."""
        return list(self.trackers.values())

    def fit(self, x: Any = None, y: Any = None, *args: Any, **options: Any) -> keras.callbacks.History:
        """`keras.Model.fit`, after `check`."""
        batch_size = (args[0] if args else options.get("batch_size")) or 32
        if hasattr(x, "__len__") and hasattr(x, "shape"):
            smallest = min(batch_size, len(x), len(x) % batch_size or batch_size)
            if smallest < self.discriminator_steps:
                raise ValueError(
                    f"batches must hold at least discriminator_steps = {self.discriminator_steps} "
                    f"examples; got one of {smallest} with batch_size = {batch_size}"
                )
        return super().fit(x, y, *args, **options)

    def call(self, x: KerasTensor) -> KerasTensor:
        """D(x): (batch, *example) -> (batch,)."""
        return ops.sigmoid(self.judge(x)[0])

    def judge(self, x: KerasTensor, training: bool = False, frozen: bool = False) -> tuple[KerasTensor, ...]:
        """The score a(x), (batch,), and what else the discriminator says of x.

        Args:
            x: (batch, *example).
            training: with the statistics of the batch and dropout, as in training.
            frozen: leave the moving averages of the discriminator alone even so.
        """
        with _unchanged() if frozen else nullcontext():
            score, *more = keras.tree.flatten(self.discriminator(ops.cast(x, self.compute_dtype), training=training))
        return ops.reshape(score, (-1,)), *more

    def latent(self, n: int, seed: Any = None) -> KerasTensor:
        """n inputs of the generator: (n, latent_dim)."""
        return self._noise((n, self.latent_dim), self.seed_generator if seed is None else seed)

    def _noise(self, shape, seed):
        if self.prior == "normal":
            return keras.random.normal(shape, seed=seed)
        return keras.random.uniform(shape, -1, 1, seed=seed)

    # What each player minimises

    def discriminator_loss(self, x: KerasTensor, fake: KerasTensor, z: KerasTensor) -> KerasTensor:
        """-V(D, G) and D's stabilisers, a mean over the batch.

        Args:
            x, fake: real examples and G(z), (batch, *example) each.
            z: what the fakes were made from.
        """
        x, fake = self._with_noise(x), self._with_noise(fake)
        (real_score, *_), (fake_score, *codes) = self.judge(x, training=True), self.judge(fake, training=True)
        loss = self._value(real_score, fake_score) - self._information(codes, z, report=True)
        if self.gradient_penalty:
            slope = gradient(lambda images: ops.sum(self.judge(images, training=True, frozen=True)[0]), x)
            loss += self.gradient_penalty / 2 * ops.sum(ops.square(slope)) / ops.cast(ops.shape(x)[0], slope.dtype)
        return sum(self.discriminator.losses, start=loss)

    def _value(self, real_score, fake_score):
        """-V, having reported D and V."""
        loss = ops.mean(ops.softplus(-real_score)) + ops.mean(ops.softplus(fake_score))
        self.track(
            real_score,
            **{"D(x)": ops.mean(ops.sigmoid(real_score)), "D(G(z))": ops.mean(ops.sigmoid(fake_score)), "V": -loss},
        )
        return loss

    def generator_loss(self, fake: KerasTensor, z: KerasTensor) -> KerasTensor:
        """E log(1 - D(G(z))) or -E log D(G(z)), a mean over the batch."""
        score, *codes = self.judge(self._with_noise(fake), training=True, frozen=True)
        loss = ops.softplus(-score) if self.game == "non_saturating" else -ops.softplus(score)
        return ops.mean(loss) - self._information(codes, z)

    def _information(self, codes, z, report=False):
        """What both players gain from codes that can be read off G(z): nothing here, see `InfoGAN`."""
        return 0.0

    def _with_noise(self, x):
        if not self.instance_noise:
            return x
        return x + keras.random.normal(
            ops.shape(x), stddev=self.instance_noise, dtype=x.dtype, seed=self.seed_generator
        )

    # Algorithm 1

    def train_step(self, data: Any) -> dict:
        """One iteration of Algorithm 1, compiled by `fit`."""
        x = self._examples(data)
        for step in range(self.discriminator_steps):
            share, last = x[step :: self.discriminator_steps], step == self.discriminator_steps - 1
            z = self.latent(ops.shape(share)[0])
            with _tape() as from_weights, nullcontext() if last else _unchanged():
                made = [self.generator(z, training=True), *self.generator.losses]
            self._update_discriminator(share, made[0], z)
        self._update_generator(made, z, from_weights)
        return self.get_metrics_result()

    def _update_discriminator(self, x, fake, z):
        variables = self.discriminator.trainable_variables
        with _tape() as tape:
            loss = self.discriminator_loss(x, fake, z)
        self.track(x, discriminator_loss=loss)
        if variables:  # none when it is frozen
            self.discriminator_optimizer.apply(tape.gradient(loss, variables), variables)

    def _update_generator(self, made, z, from_weights):
        """The chain rule in two parts: how D judges the fakes, then how the fakes follow from G's weights."""
        variables, (fake, *penalties) = self.generator.trainable_variables, made
        with _tape(watch_accessed_variables=False) as tape:
            tape.watch(fake)
            loss = self.generator_loss(fake, z)
        self.track(z, generator_loss=sum(penalties, start=loss))
        if variables:
            slopes = [tape.gradient(loss, fake), *map(ops.ones_like, penalties)]
            self.generator_optimizer.apply(from_weights.gradient(made, variables, slopes), variables)

    def test_step(self, data: Any) -> dict:
        """The reports, without any update or noise on the images."""
        x = self._examples(data)
        z = self.latent(ops.shape(x)[0])
        (real_score, *_), (fake_score, *codes) = self.judge(x), self.judge(self.generator(z, training=False))
        self._value(real_score, fake_score)
        self._information(codes, z, report=True)
        return {name: value for name, value in self.get_metrics_result().items() if not name.endswith("loss")}

    def _examples(self, data):
        x, y, sample_weight = keras.utils.unpack_x_y_sample_weight(data)
        self.check_targets(x, y, sample_weight)
        return ops.cast(x, self.compute_dtype)

    def generate(self, n: int, seed: int | None = None, batch_size: int = 1024) -> np.ndarray:
        """G(z) for n samples z of the prior: -> (n, *example). Raises ValueError for n below 1."""
        check_count("n", n)
        return self.decode(self.latent(n, seed), batch_size)

    def decode(self, z: np.ndarray, batch_size: int = 1024) -> np.ndarray:
        """G(z): (n, latent_dim) -> (n, *example). Raises ValueError for z of another shape."""
        return in_batches(
            lambda z: self.generator(z, training=False), check_array("z", z, (self.latent_dim,)), batch_size
        )

    def get_config(self) -> dict:
        """What `keras.Model.save` keeps."""
        return super().get_config() | {
            "generator": keras.saving.serialize_keras_object(self.generator),
            "discriminator": keras.saving.serialize_keras_object(self.discriminator),
            "loss": self.game,
            "discriminator_steps": self.discriminator_steps,
            "prior": self.prior,
            "gradient_penalty": self.gradient_penalty,
            "instance_noise": self.instance_noise,
            "seed": self.seed,
        }

    @classmethod
    def from_config(cls, config: dict) -> "GAN":
        """The model of `get_config`, with fresh weights."""
        return cls(
            **config
            | {role: keras.saving.deserialize_keras_object(config[role]) for role in ("generator", "discriminator")}
        )

    def get_compile_config(self) -> dict:
        """What `keras.Model.save` keeps of `compile`."""
        if not self.compiled:
            return {}
        return {
            key: super(GAN, self).get_compile_config()[key]
            for key in ("run_eagerly", "steps_per_execution", "jit_compile")
        } | {
            f"{role}_optimizer": keras.saving.serialize_keras_object(getattr(self, f"{role}_optimizer"))
            for role in ("generator", "discriminator")
        }

    def compile_from_config(self, config: dict) -> None:
        """`compile` as `get_compile_config` says."""
        self.compile(**keras.saving.deserialize_keras_object(config))


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
        ValueError: as `GAN`, or sizes that do not fit.
    """

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
        check_count("categories", categories, least=2)
        check_count("continuous", continuous, least=0)
        check_weight("categorical_weight", categorical_weight)
        check_weight("continuous_weight", continuous_weight)
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
        self.trackers |= {name: keras.metrics.Mean(name=name) for name in self._code_names()}

    def _code_names(self):
        return [f"L_I(c{number})" for number in range(1, 2 + self.continuous)]

    def latent(self, n: int, seed: Any = None, c1: Any = None, continuous: Any = None) -> KerasTensor:
        """n inputs of the generator, (n, latent_dim); codes that are not given are sampled.

        Args:
            n: how many.
            seed: an integer, or None for the model's own generator.
            c1: integers in 0 ... categories - 1, (n,) or one for all.
            continuous: c2, c3, ..., (n, continuous) or (continuous,) for all.
        """
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
            self.track(z, **dict(zip(self._code_names(), bounds)))
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
            scores, mean, _ = self._q(self.judge(images)[1])
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
            ValueError: n below 1, categories out of range, or codes of another shape.
        """
        check_count("n", n)
        if c1 is not None:
            c1 = np.asarray(c1)
            if c1.dtype.kind not in "iu" or c1.shape not in ((), (n,)) or c1.min() < 0 or c1.max() >= self.categories:
                raise ValueError(f"c1 must be integers in 0 ... {self.categories - 1}, one or {n}; got {c1!r}")
        if continuous is not None:
            continuous = np.asarray(continuous)
            if continuous.shape not in ((self.continuous,), (n, self.continuous)):
                raise ValueError(
                    f"continuous must have the shape ({self.continuous},) or ({n}, {self.continuous}); "
                    f"got {continuous.shape}"
                )
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
            ValueError: no such code, or n below 1.
        """
        if not isinstance(code, Integral) or not 1 <= code <= 1 + self.continuous:
            raise ValueError(f"code must be in 1 ... {1 + self.continuous}; got {code!r}")
        check_count("n", n)
        c1 = np.arange(n) % self.categories if code > 1 else None
        rows = ops.convert_to_numpy(self.latent(n, seed, c1))
        if values is None:
            values = np.arange(self.categories) if code == 1 else np.linspace(-2, 2, 10)
        z = np.repeat(rows[:, None], len(values), axis=1)
        if code == 1:
            z[:, :, self.noise_dim : self.noise_dim + self.categories] = np.eye(self.categories)[np.asarray(values)]
        else:
            z[:, :, self.noise_dim + self.categories + code - 2] = values
        return self.decode(z.reshape(-1, self.latent_dim)).reshape(n, len(values), *self.example_shape)

    def get_config(self) -> dict:
        """What `keras.Model.save` keeps."""
        return super().get_config() | {
            "categories": self.categories,
            "continuous": self.continuous,
            "categorical_weight": self.categorical_weight,
            "continuous_weight": self.continuous_weight,
        }


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

    Raises:
        ValueError: sizes that are not integers >= 1, or sides that cannot be halved so often.
    """
    check_count("latent_dim", latent_dim)
    check_sizes(filters=filters, output_shape=output_shape)
    if units is not None:
        check_count("units", units)
    factor = 2 ** len(filters)
    if len(output_shape) != 3 or output_shape[0] % factor or output_shape[1] % factor or not filters:
        raise ValueError(
            f"output_shape must be (height, width, channels) with sides divisible by {factor} for "
            f"{len(filters)} filters; got {tuple(output_shape)}"
        )

    def finish(x):
        if batch_normalization:
            x = layers.BatchNormalization(momentum=0.9)(x)
        return layers.Activation(activation)(x)

    height, width, channels = output_shape
    start = (height // factor, width // factor, filters[0])
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

    Raises:
        ValueError: sizes that are not integers >= 1.
    """
    check_sizes(filters=filters, input_shape=input_shape)
    check_count("code_units", code_units)
    if units is not None:
        check_count("units", units)
    if len(input_shape) != 3:
        raise ValueError(f"input_shape must be three integers (height, width, channels); got {input_shape!r}")
    check_count("code_outputs", code_outputs, least=0)

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


def _tape(**options):
    """A `tf.GradientTape`: with `gradient` the only TensorFlow of these models."""
    if keras.backend.backend() != "tensorflow":
        raise NotImplementedError(f"GAN trains with Keras on TensorFlow; got {keras.backend.backend()}")
    import tensorflow as tf

    return tf.GradientTape(**options)


def _unchanged():
    """A scope in which what a model writes to its moving averages is dropped."""
    return keras.StatelessScope()

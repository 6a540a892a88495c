"""Generative adversarial networks (Goodfellow et al. 2014; slides "Generative Adversarial Networks").

A generator G makes an example from noise z. A discriminator gives its score a(x), and D(x) = sigmoid(a(x))
is the probability that x is real:

    min_G max_D V(D, G) = E_x log D(x) + E_z log(1 - D(G(z))).

With scores no logarithm ever meets a 0: log D = -softplus(-a) and log(1 - D) = -softplus(a).
"""

from contextlib import nullcontext
from functools import partial
from types import SimpleNamespace
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
from coursekit.generative.gradients import (
    apply_gradients,
    differentiate,
    differentiate_weights,
    dropping_updates,
    gradient,
    run_step,
    whole_batch,
)

__all__ = ["GAN"]

GAN_LOSSES = ("non_saturating", "minimax")
PRIORS = ("normal", "uniform")
OPTIONS = ("run_eagerly", "steps_per_execution", "jit_compile")  # of `compile`


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
            For a D without batch normalisation: of a batch's variance TensorFlow has a wrong second
            derivative (its `moments` stops a gradient; JAX has the right one).
        instance_noise: standard deviation of Gaussian noise on all that D sees, real and fake
            (Sonderby et al. 2017), so that their distributions overlap.
        seed: of z and of the noise; None for one drawn from Keras' global seed.
        name: of the model.

    Calling the model gives D(x): (batch, *example) -> (batch,).

    Raises:
        TypeError, ValueError: models that do not fit together, a discriminator that ends in a sigmoid, an
            unknown loss or prior, weights below 0, steps below 1. Later: values outside [0, 1] for images
            (examples of rank 3); batches of fewer than k examples.
    """

    networks = ("generator", "discriminator")
    settings = ("discriminator_steps", "prior", "gradient_penalty", "instance_noise", "seed")
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
        check_choice("loss", loss, GAN_LOSSES)
        check_choice("prior", prior, PRIORS)
        check_integer("discriminator_steps", discriminator_steps, at_least=1)
        check_number("gradient_penalty", gradient_penalty)
        check_number("instance_noise", instance_noise)
        check_models(generator=generator, discriminator=discriminator)
        self.latent_dim = vector_length("generator", generator)
        check_shapes("generator must make what discriminator takes", discriminator.input_shape, generator.output_shape)
        shapes = [tuple(output.shape) for output in discriminator.outputs]
        if len(shapes) != self.outputs or shapes[0] != (None, 1):
            also = " and a second output for the codes" * (self.outputs == 2)
            raise ValueError(f"discriminator must give a score of shape (batch, 1){also}; got {shapes}")
        if gives_probabilities(discriminator):
            raise ValueError("discriminator must output scores, with no activation at its end; got probabilities")
        self.generator, self.discriminator = generator, discriminator
        self.adversarial_loss, self.discriminator_steps, self.prior = loss, discriminator_steps, prior
        self.gradient_penalty, self.instance_noise, self.seed = gradient_penalty, instance_noise, seed
        self.example_shape = tuple(generator.output_shape[1:])
        self.unit_interval = len(self.example_shape) == 3
        self.seed_generator = keras.random.SeedGenerator(seed)
        self.add_trackers("D(x)", "D(G(z))", "V", "discriminator_loss", "generator_loss")
        self.built = True

    def compile(self, generator_optimizer: Any = None, discriminator_optimizer: Any = None, **options: Any) -> None:
        """Prepare `fit`.

        Args:
            generator_optimizer, discriminator_optimizer: each a `keras.optimizers.Optimizer` of its own or
                a name; by default Adam(0.0002, beta_1=0.5) (Radford, Metz & Chintala 2016).
            options: ``run_eagerly``, ``steps_per_execution``, ``jit_compile`` as in `keras.Model.compile`.

        Raises:
            ValueError: one optimizer for both, or an option that would change nothing.
        """
        if unknown := sorted(options.keys() - set(OPTIONS)):
            raise ValueError(f"compile takes {', '.join(OPTIONS)} beside the optimizers; got {', '.join(unknown)}")
        if isinstance(generator_optimizer, keras.Optimizer) and generator_optimizer is discriminator_optimizer:
            raise ValueError("generator_optimizer and discriminator_optimizer must be two objects; got the same one")
        super().compile(optimizer=None, **options)
        for role, optimizer in (("generator", generator_optimizer), ("discriminator", discriminator_optimizer)):
            optimizer = keras.optimizers.get(optimizer or keras.optimizers.Adam(2e-4, beta_1=0.5))
            scaled = isinstance(optimizer, keras.optimizers.LossScaleOptimizer)
            if self.dtype_policy.name == "mixed_float16" and not scaled:  # as Model.compile does with one
                optimizer = keras.optimizers.LossScaleOptimizer(optimizer)
            optimizer.build(getattr(self, role).trainable_variables)
            setattr(self, f"{role}_optimizer", optimizer)
        both = [*self.generator_optimizer.variables, *self.discriminator_optimizer.variables]
        self.optimizer = SimpleNamespace(built=True, variables=both)  # what `fit` on JAX hands from step to step

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
                raise ValueError(f"{self._batch_rule}; got one of {smallest} with batch_size = {batch_size}")
        try:
            return super().fit(x, y, *args, **options)
        except Exception as error:  # from `whole_batch`, TensorFlow's own there
            if self._batch_rule not in str(error):
                raise
            raise ValueError(f"{self._batch_rule}; got a smaller one, such as the last of an epoch") from None

    @property
    def _batch_rule(self):
        return f"batches must hold at least discriminator_steps = {self.discriminator_steps} examples"

    def call(self, x: KerasTensor) -> KerasTensor:
        """D(x): (batch, *example) -> (batch,)."""
        return ops.sigmoid(self.score_and_codes(x)[0])

    def score_and_codes(self, x: KerasTensor, training: bool = False, frozen: bool = False) -> tuple[KerasTensor, ...]:
        """The score a(x), (batch,), and what else the discriminator gives.

        Args:
            x: (batch, *example).
            training: with the statistics of the batch and dropout, as in training.
            frozen: leave the moving averages of the discriminator alone even so.
        """
        with dropping_updates(self) if frozen else nullcontext():
            outputs = keras.tree.flatten(self.discriminator(x, training=training))
        score, *codes = map(self.to_loss_dtype, outputs)
        return ops.reshape(score, (-1,)), *codes

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
        (real_score, *_), (fake_score, *codes) = (
            self.score_and_codes(x, training=True),
            self.score_and_codes(fake, training=True),
        )
        loss = self._value(real_score, fake_score) - self._information(codes, z, report=True)
        if self.gradient_penalty:
            slope = gradient(lambda images: ops.sum(self.score_and_codes(images, training=True, frozen=True)[0]), x)
            loss += self.gradient_penalty / 2 * ops.sum(ops.square(slope)) / ops.cast(ops.shape(x)[0], slope.dtype)
        return sum(self.discriminator.losses, start=loss)

    def _value(self, real_score, fake_score):
        """-V, having reported D and V."""
        loss = ops.mean(ops.softplus(-real_score)) + ops.mean(ops.softplus(fake_score))
        self.update_trackers(
            real_score,
            **{"D(x)": ops.mean(ops.sigmoid(real_score)), "D(G(z))": ops.mean(ops.sigmoid(fake_score)), "V": -loss},
        )
        return loss

    def generator_loss(self, fake: KerasTensor, z: KerasTensor) -> KerasTensor:
        """E log(1 - D(G(z))) or -E log D(G(z)), a mean over the batch."""
        score, *codes = self.score_and_codes(self._with_noise(fake), training=True, frozen=True)
        loss = ops.softplus(-score) if self.adversarial_loss == "non_saturating" else -ops.softplus(score)
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

    def train_step(self, *state_and_data: Any) -> Any:
        """One iteration of Algorithm 1, compiled by `fit`."""
        return run_step(self, self._iteration, *state_and_data)

    def _iteration(self, data):
        x, k = whole_batch(self._examples(data), self.discriminator_steps, self._batch_rule), self.discriminator_steps
        for share in (x[step::k] for step in range(k - 1)):
            z = self.latent(ops.shape(share)[0])
            with dropping_updates(self):
                fake = self.generator(z, training=True)
            self._update_discriminator(share, fake, z)
        share = x[k - 1 :: k]
        z = self.latent(ops.shape(share)[0])
        fake_and_penalties, backward = differentiate_weights(
            lambda: [self.generator(z, training=True), *self.generator.losses], self.generator.trainable_variables, self
        )
        self._update_discriminator(share, fake_and_penalties[0], z)
        self._update_generator(fake_and_penalties, z, backward)
        return self.get_metrics_result()

    def _update_discriminator(self, x, fake, z):
        variables, optimizer = self.discriminator.trainable_variables, self.discriminator_optimizer
        loss, backward = differentiate_weights(partial(self.discriminator_loss, x, fake, z), variables, self)
        self.update_trackers(x, discriminator_loss=loss)
        if variables:  # none when it is frozen
            apply_gradients(optimizer, backward(optimizer.scale_loss(ops.ones_like(loss))), variables)

    def _update_generator(self, fake_and_penalties, z, backward):
        """The chain rule in two parts: how D scores the fakes, then how the fakes follow from G's weights."""
        variables, optimizer = self.generator.trainable_variables, self.generator_optimizer
        fake, *penalties = fake_and_penalties
        loss, slope_of_fake = differentiate(lambda images: self.generator_loss(images, z), fake)
        self.update_trackers(z, generator_loss=sum(penalties, start=loss))
        if variables:
            one = optimizer.scale_loss(ops.ones_like(loss))
            slopes = [slope_of_fake(one), *(ops.cast(one, penalty.dtype) for penalty in penalties)]
            apply_gradients(optimizer, backward(slopes), variables)

    def test_step(self, *state_and_data: Any) -> Any:
        """The reports, without any update or noise on the images."""
        return run_step(self, self._reports, *state_and_data)

    def _reports(self, data):
        x = self._examples(data)
        z = self.latent(ops.shape(x)[0])
        (real_score, *_), (fake_score, *codes) = (
            self.score_and_codes(x),
            self.score_and_codes(self.generator(z, training=False)),
        )
        self._value(real_score, fake_score)
        self._information(codes, z, report=True)
        return {name: value for name, value in self.get_metrics_result().items() if not name.endswith("loss")}

    def _examples(self, data):
        return self.to_loss_dtype(keras.utils.unpack_x_y_sample_weight(data)[0])

    def generate(self, n: int, seed: int | None = None, batch_size: int = 1024) -> np.ndarray:
        """G(z) for n samples z of the prior: -> (n, *example). Raises ValueError for n below 1."""
        check_integer("n", n, at_least=1)
        return self.decode(self.latent(n, seed), batch_size)

    def decode(self, z: np.ndarray, batch_size: int = 1024) -> np.ndarray:
        """G(z): (n, latent_dim) -> (n, *example). Raises ValueError for z of another shape."""
        return in_batches(
            lambda z: self.generator(z, training=False), check_array("z", z, (self.latent_dim,)), batch_size
        )

    def get_config(self) -> dict:
        """What `keras.Model.save` keeps."""
        return super().get_config() | {"loss": self.adversarial_loss}

    def get_compile_config(self) -> dict:
        """What `keras.Model.save` keeps of `compile`."""
        if not self.compiled:
            return {}
        optimizers = {f"{role}_optimizer": getattr(self, f"{role}_optimizer") for role in self.networks}
        kept = super().get_compile_config()
        return {name: kept[name] for name in ("run_eagerly", "steps_per_execution", "jit_compile")} | {
            name: keras.saving.serialize_keras_object(optimizer) for name, optimizer in optimizers.items()
        }

    def compile_from_config(self, config: dict) -> None:
        """`compile` as `get_compile_config` says."""
        self.compile(**keras.saving.deserialize_keras_object(config))

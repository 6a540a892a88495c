"""Seconds of a GAN's training step, against the recipe of the DCGAN example on keras.io.

Its step draws noise twice and runs the generator twice: for the fakes that the discriminator learns
from, and for those that the generator learns from. `coursekit.generative.GAN` runs it once. The
networks, batch and optimizers are equal; the compiled steps are timed in turns, in one process, and
the median of their ratios counts. Below them, the networks of InfoGAN's paper against those of notebook 19.
"""

import statistics
import time

from report import publish, rows

from coursekit.environment import quiet_keras

keras = quiet_keras()
import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402
from keras import layers, ops  # noqa: E402

from coursekit.generative import GAN, InfoGAN, convolutional_discriminator, convolutional_generator  # noqa: E402


def example_networks():
    """Generator and discriminator of keras.io's example, for 64 x 64 colour photographs."""
    z, image = keras.Input((128,)), keras.Input((64, 64, 3))
    x = layers.Reshape((8, 8, 128))(layers.Dense(8 * 8 * 128)(z))
    for filters in (128, 256, 512):
        x = layers.LeakyReLU(0.2)(layers.Conv2DTranspose(filters, 4, 2, "same")(x))
    generator = keras.Model(z, layers.Conv2D(3, 5, padding="same", activation="sigmoid")(x))
    x = image
    for filters in (64, 128, 128):
        x = layers.LeakyReLU(0.2)(layers.Conv2D(filters, 4, 2, "same")(x))
    return generator, keras.Model(image, layers.Dense(1)(layers.Dropout(0.2)(layers.Flatten()(x))))


def paper_networks():
    """Generator and discriminator of Chen et al. (2016, table 1), without Q."""
    return convolutional_generator(), convolutional_discriminator()


def dcgan_networks():
    """Generator of Radford et al. (2016, figure 1) and its mirror image, with 4 x 4 kernels."""
    image, filters = (64, 64, 3), (1024, 512, 256, 128)
    generator = convolutional_generator(image, latent_dim=100, filters=filters, units=None)
    return generator, convolutional_discriminator(image, filters=filters[::-1], units=None)


class Example(keras.Model):
    """The training step of keras.io's example, written anew."""

    def __init__(self, generator, discriminator):
        super().__init__()
        self.generator, self.latent_dim = generator, generator.input_shape[-1]
        self.discriminator = keras.Model(discriminator.input, layers.Activation("sigmoid")(discriminator.output))
        self.cross_entropy, self.seeds = keras.losses.BinaryCrossentropy(), keras.random.SeedGenerator(1)
        self.trackers = [keras.metrics.Mean(name=name) for name in ("d_loss", "g_loss")]

    def compile(self, generator_optimizer, discriminator_optimizer):
        super().compile()
        self.generator_optimizer, self.discriminator_optimizer = generator_optimizer, discriminator_optimizer

    @property
    def metrics(self):
        return self.trackers

    def noise(self, n):
        return keras.random.normal((n, self.latent_dim), seed=self.seeds)

    def train_step(self, real):
        n = ops.shape(real)[0]
        both = ops.concatenate([self.generator(self.noise(n)), real], axis=0)
        labels = ops.concatenate([ops.ones((n, 1)), ops.zeros((n, 1))], axis=0)  # 1 is fake there
        labels += 0.05 * tf.random.uniform(tf.shape(labels))
        with tf.GradientTape() as tape:
            d_loss = self.cross_entropy(labels, self.discriminator(both))
        weights = self.discriminator.trainable_weights
        self.discriminator_optimizer.apply_gradients(zip(tape.gradient(d_loss, weights), weights))
        with tf.GradientTape() as tape:
            g_loss = self.cross_entropy(ops.zeros((n, 1)), self.discriminator(self.generator(self.noise(n))))
        weights = self.generator.trainable_weights
        self.generator_optimizer.apply_gradients(zip(tape.gradient(g_loss, weights), weights))
        for tracker, loss in zip(self.trackers, (d_loss, g_loss)):
            tracker.update_state(loss)
        return {tracker.name: tracker.result() for tracker in self.trackers}


def interleaved(models: dict, batch: int, rounds: int, steps: int) -> list[list[float]]:
    """Seconds a step of each model, round by round.

    The compiled step alone: `fit` around it would add the making and the end of a pipeline, which
    can take longer than a step.
    """
    turns = []
    for model, shape in models.items():
        x = np.random.default_rng(0).uniform(size=(batch, *shape)).astype("float32")
        model.fit(x, batch_size=batch, verbose=0)  # compiles
        turns.append((model.train_function, iter(tf.data.Dataset.from_tensors(x).repeat()), []))
    for turn in range(rounds):
        for step, batches, times in turns if turn % 2 else turns[::-1]:
            start = time.perf_counter()
            for _ in range(steps):
                step(batches)
            times.append((time.perf_counter() - start) / steps)
    return [times for *_, times in turns]


def compare(name: str, networks, batch: int, rounds: int, steps: int) -> list[str]:
    """A row: the step of `GAN`, that of `Example`, and the median of their ratios."""
    models = {}
    for side in (GAN, Example):
        generator, discriminator = networks()
        model = side(generator, discriminator)
        model.compile(keras.optimizers.Adam(1e-4), keras.optimizers.Adam(1e-4))
        models[model] = generator.output_shape[1:]
    ours, theirs = interleaved(models, batch, rounds, steps)
    ratio = statistics.median(a / b for a, b in zip(ours, theirs))
    return [
        f"{name}, batch {batch}",
        *(f"{1000 * statistics.median(t):,.0f}" for t in (ours, theirs)),
        f"**{ratio:.2f}**",
    ]


def sizes(batch: int = 128, rounds: int = 9, steps: int = 5) -> str:
    """The step of InfoGAN's paper over that of notebook 19."""
    models = {}
    for filters, units in (((64, 128), 1024), ((16, 32), 128)):
        model = InfoGAN(
            convolutional_generator(filters=filters[::-1], units=units),
            convolutional_discriminator(filters=filters, units=units, code_outputs=14),
        )
        model.compile()
        models[model] = model.example_shape
    paper, small = map(statistics.median, interleaved(models, batch, rounds, steps))
    return (
        f"InfoGAN, batch {batch}: {1000 * paper:,.0f} ms with the networks of the paper, {1000 * small:,.0f} ms with "
        f"those of notebook 19, × {paper / small:.1f}."
    )


def main() -> None:
    table = rows(
        ["networks", "step, coursekit (ms)", "step, keras.io's recipe (ms)", "ratio"],
        [
            compare("keras.io's, 64 × 64 × 3", example_networks, 32, 15, 1),
            compare("Radford et al. (2016), 64 × 64 × 3", dcgan_networks, 32, 7, 1),
            compare("Chen et al. (2016), 28 × 28", paper_networks, 128, 15, 4),
        ],
    )
    publish(__file__, "A GAN's training step", f"{table}\n\n{sizes()}")


if __name__ == "__main__":
    main()

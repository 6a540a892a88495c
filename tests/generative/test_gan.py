"""GAN and InfoGAN against Algorithm 1 written out in NumPy, SciPy's densities and scikit-learn's mutual information."""

import keras
import numpy as np
import pytest
from keras import layers, ops
from numpy.testing import assert_allclose
from scipy import stats
from scipy.special import expit, log_softmax
from sklearn.metrics import mutual_info_score

from coursekit.callbacks import StopOnNaN
from coursekit.generative import (
    GAN,
    InfoGAN,
    convolutional_discriminator,
    convolutional_generator,
    dense_decoder,
    dense_encoder,
)

SHAPE = (8, 8, 1)
# Where a test asks what one step does to the weights: TensorFlow takes seconds to compile it. Each way to run a step is
# tried in test_backends.py, and what a compiled one does in the test of Algorithm 1.
EAGERLY = keras.backend.backend() == "tensorflow"


def numpy(tensor):
    return ops.convert_to_numpy(tensor)


def linear(**options):
    """G(z) = w z + b and D(x) = sigmoid(v x + c), on the line."""
    keras.utils.set_random_seed(2)
    return GAN(dense_decoder((1,), 1, (), output_activation=None), dense_encoder((1,), 1, ()), seed=7, **options)


def small(kind=GAN, seed=1, spectral_normalization=False, batch_normalization=True, **options):
    """Two small networks for 8 x 8 images."""
    keras.utils.set_random_seed(seed)
    codes = {"code_outputs": 3 + 2 * 2, "code_units": 6} if kind is InfoGAN else {}
    codes_of = {"categories": 3, "continuous": 2} if kind is InfoGAN else {}
    return kind(
        convolutional_generator(SHAPE, 9, (8, 4), 16, batch_normalization=batch_normalization),
        convolutional_discriminator(
            SHAPE,
            (4, 8),
            16,
            spectral_normalization=spectral_normalization,
            batch_normalization=batch_normalization,
            **codes,
        ),
        seed=seed,
        **codes_of | options,
    )


def images(n=12, seed=0):
    return np.random.default_rng(seed).uniform(size=(n, *SHAPE)).astype("float32")


# ---------------------------------------------------------------- Algorithm 1


@pytest.mark.parametrize("loss", ["minimax", "non_saturating"])
@pytest.mark.parametrize("prior", ["normal", "uniform"])
@pytest.mark.parametrize("k", [1, 3])
def test_a_step_is_algorithm_1(loss, prior, k):
    """k ascents of V by D, each on its own minibatch, then one descent by G: derivatives by hand."""
    model = linear(loss=loss, prior=prior, discriminator_steps=k)
    model.compile(keras.optimizers.SGD(0.3), keras.optimizers.SGD(0.2))
    (w, b), (v, c) = (
        [float(a.squeeze()) for a in part.get_weights()] for part in (model.generator, model.discriminator)
    )
    x = np.random.default_rng(1).normal(2, 1, (4 * k, 1)).astype("float32")
    seeds, seen = keras.random.SeedGenerator(7), []
    for step in range(k):
        real = x[step::k, 0]
        z = numpy(
            keras.random.normal((4, 1), seed=seeds)
            if prior == "normal"
            else keras.random.uniform((4, 1), -1, 1, seed=seeds)
        )[:, 0]
        fake = w * z + b
        D_real, D_fake = expit(v * real + c), expit(v * fake + c)
        seen.append([D_real.mean(), D_fake.mean(), np.log(D_real).mean() + np.log(1 - D_fake).mean()])
        # dV/da is 1 - D for a real example and -D for a fake one
        v, c = v + 0.2 * np.mean((1 - D_real) * real - D_fake * fake), c + 0.2 * np.mean((1 - D_real) - D_fake)
    D_fake = expit(v * fake + c)
    slope = v * (-D_fake if loss == "minimax" else D_fake - 1)
    w, b = w - 0.3 * np.mean(slope * z), b - 0.3 * np.mean(slope)
    history = model.fit(x, batch_size=4 * k, shuffle=False, verbose=0).history
    measured = np.concatenate([a.ravel() for a in model.generator.get_weights() + model.discriminator.get_weights()])
    assert_allclose(measured, [w, b, v, c], rtol=1e-4)
    names = ("D(x)", "D(G(z))", "V")
    expected = dict(zip(names, np.mean(seen, axis=0))) | {"discriminator_loss": -np.mean(seen, axis=0)[2]}
    expected["generator_loss"] = np.mean(np.log(1 - D_fake) if loss == "minimax" else -np.log(D_fake))
    assert {name: values[0] for name, values in history.items()} == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("kind", [GAN, InfoGAN])
@pytest.mark.parametrize("frozen, moving", [("generator", "discriminator"), ("discriminator", "generator")])
def test_an_update_touches_its_own_network_alone(kind, frozen, moving, monkeypatch):
    """Of D the moving averages too; those of G follow its calls, in the next test."""
    model = small(kind, gradient_penalty=1.0, discriminator_steps=2)
    monkeypatch.setattr(model, f"_update_{frozen}", lambda *anything: None)
    model.compile("adam", "adam", run_eagerly=EAGERLY)

    def weights(network):
        kept = model.discriminator.weights if network == "discriminator" else model.generator.trainable_variables
        return [numpy(variable).copy() for variable in kept]

    before = {network: weights(network) for network in (frozen, moving)}
    model.fit(images(), batch_size=6, verbose=0)
    assert all(np.array_equal(old, new) for old, new in zip(before[frozen], weights(frozen)))
    assert not any(np.array_equal(old, new) for old, new in zip(before[moving], weights(moving)) if old.any())


def test_the_generator_averages_over_one_call_a_step():
    """With k = 3 its moving averages move once, as with k = 1."""

    def moved(k):
        model = small(discriminator_steps=k)
        model.compile(keras.optimizers.SGD(0.0), keras.optimizers.SGD(0.0))
        model.fit(images(6 * k), batch_size=6 * k, verbose=0)
        variance = next(w for w in model.generator.weights if w.path.endswith("moving_variance"))
        return numpy(variance)  # begins at 1: each call keeps 0.9 of it

    once, thrice = moved(1), moved(3)
    assert (once > 0.9).all() and (thrice > 0.9).all() and (thrice < 1.2).all()


def test_reports_of_evaluate():
    model, x = small(loss="minimax"), images()
    model.compile()
    weights = model.get_weights()
    measured = model.evaluate(x, batch_size=len(x), verbose=0, return_dict=True)
    fake = model.decode(model.latent(len(x), keras.random.SeedGenerator(1)))
    D_real, D_fake = model.predict(x, verbose=0), model.predict(fake, verbose=0)
    assert measured == pytest.approx(
        {"D(x)": D_real.mean(), "D(G(z))": D_fake.mean(), "V": (np.log(D_real).mean() + np.log(1 - D_fake).mean())},
        rel=1e-4,
    )
    for old, new in zip(weights[:-1], model.get_weights()):  # the last is the state of the noise
        assert_allclose(new, old, atol=0)


def test_frozen_networks_stay():
    model = small(batch_normalization=False)
    model.generator.trainable = False
    model.compile("sgd", keras.optimizers.SGD(0.5))
    before, moving = model.generator.get_weights(), model.discriminator.get_weights()
    model.fit(images(), verbose=0)
    assert all(np.array_equal(a, b) for a, b in zip(before, model.generator.get_weights()))
    assert not np.array_equal(moving[0], model.discriminator.get_weights()[0])


def test_weights_in_the_loss_of_a_layer_count():
    """An L2 penalty of each network reaches its own update."""
    keras.utils.set_random_seed(1)
    penalty = keras.regularizers.L2(0.5)
    generator = keras.Sequential([layers.Input((1,)), layers.Dense(1, kernel_regularizer=penalty)])
    discriminator = keras.Sequential([layers.Input((1,)), layers.Dense(1, kernel_regularizer=penalty)])
    model, x = GAN(generator, discriminator, seed=1), np.ones((4, 1), "float32")
    w, v = np.ones((1, 1)), np.ones((1, 1))
    with_penalty, without = [], []
    for collected, factor in ((with_penalty, 0.5), (without, 0.0)):
        penalty.l2 = factor
        generator.set_weights([w, np.zeros(1)])
        discriminator.set_weights([v, np.zeros(1)])
        model.seed_generator.state.assign([1, 0])
        model.compile(keras.optimizers.SGD(1.0), keras.optimizers.SGD(0.1))
        model.fit(x, verbose=0)
        collected += [generator.get_weights()[0], discriminator.get_weights()[0]]
    assert with_penalty[1] - without[1] == pytest.approx(-0.1 * 2 * 0.5 * v, rel=1e-4)
    assert abs((with_penalty[0] - without[0]) + w).item() < 0.2 * abs(w).item()  # D differs a little by then


def test_gradient_penalty_is_the_squared_slope_at_real_examples():
    x, fake, z = np.random.default_rng(1).normal(size=(3, 5, 1)).astype("float32")
    losses = {gamma: float(linear(gradient_penalty=gamma).discriminator_loss(x, fake, z)) for gamma in (0, 3.0)}
    v = float(linear().discriminator.get_weights()[0].squeeze())
    assert losses[3.0] - losses[0] == pytest.approx(3 / 2 * v**2, rel=1e-5)
    deep = small(batch_normalization=False, gradient_penalty=2.0)
    x, step = images(1), 1e-2
    slopes = [
        (float(deep.score_and_codes(x + step * e)[0][0]) - float(deep.score_and_codes(x - step * e)[0][0])) / (2 * step)
        for e in np.eye(64, dtype="float32").reshape(64, 1, *SHAPE)
    ]
    gained = float(deep.discriminator_loss(x, x, x))
    deep.gradient_penalty = 0.0
    gained -= float(deep.discriminator_loss(x, x, x))
    assert gained == pytest.approx(np.square(slopes).sum(), rel=0.02)


def test_instance_noise_is_on_real_and_fake():
    """The score of a linear D gets the variance v^2 sigma^2; by a second-order expansion the loss grows with it."""
    x = np.full((200_000, 1), 0.3, "float32")
    plain, noisy = (float(linear(instance_noise=sigma).discriminator_loss(x, x, x)) for sigma in (0.0, 1.5))
    v, c = (float(a.squeeze()) for a in linear().discriminator.get_weights())
    nodes, weights = np.polynomial.hermite_e.hermegauss(60)
    a = v * (0.3 + 1.5 * nodes) + c
    expected = ((np.logaddexp(0, -a) + np.logaddexp(0, a)) * weights).sum() / weights.sum()
    assert noisy == pytest.approx(expected, abs=4e-3) and noisy > plain + 0.05


def test_it_learns_a_gaussian():
    keras.utils.set_random_seed(1)
    # features x and x^2: the logarithm of a ratio of two Gaussians is a line in them, so D* can be reached
    x = keras.Input((1,))
    score = layers.Dense(1, kernel_initializer="zeros")(ops.concatenate([x, ops.square(x)], axis=1))
    model = GAN(dense_decoder((1,), 1, (), output_activation=None), keras.Model(x, score), seed=1)
    model.compile(keras.optimizers.SGD(0.05), keras.optimizers.SGD(0.2), steps_per_execution=50)
    real = np.random.default_rng(1).normal(0.8, 0.5, (256 * 1500, 1)).astype("float32")
    model.fit(real, batch_size=256, verbose=0)
    fake = model.generate(50_000, seed=1)
    assert fake.mean() == pytest.approx(0.8, abs=0.08) and fake.std() == pytest.approx(0.5, abs=0.08)
    assert model.evaluate(real[:50_000], batch_size=10_000, verbose=0, return_dict=True)["V"] == pytest.approx(
        -np.log(4), abs=0.01
    )


# ---------------------------------------------------------------- InfoGAN


def test_the_bound_is_scipys():
    model = small(InfoGAN)
    z = numpy(model.latent(6, seed=3))
    one_hot, continuous = z[:, 4:7], z[:, 7:]
    parameters = np.random.default_rng(2).normal(size=(6, 7)).astype("float32")
    scores, mean, log_variance = parameters[:, :3], parameters[:, 3:5], parameters[:, 5:]
    expected = [np.log(3) + log_softmax(scores, axis=1)[np.arange(6), one_hot.argmax(axis=1)].mean()]
    expected += [
        np.log(2) + stats.norm.logpdf(continuous[:, j], mean[:, j], np.exp(log_variance[:, j] / 2)).mean()
        for j in range(2)
    ]
    assert_allclose([float(bound) for bound in model.information(parameters, z)], expected, rtol=1e-5)
    weighted = 0.7 * expected[0] + 0.2 * sum(expected[1:])
    model.categorical_weight, model.continuous_weight = 0.7, 0.2
    assert float(model._information([parameters], z)) == pytest.approx(weighted, rel=1e-5)


def test_with_the_true_posterior_the_bound_is_the_mutual_information():
    """x is c1 through a channel that errs in 30 %; any other Q gives less."""
    model = small(InfoGAN)
    z = numpy(model.latent(60_000, seed=1))
    c1, generator = z[:, 4:7].argmax(axis=1), np.random.default_rng(0)
    x = np.where(generator.random(len(c1)) < 0.7, c1, generator.integers(0, 3, len(c1)))
    posterior = np.where(np.eye(3)[x] == 1, 0.7 + 0.1, 0.1)
    rest = np.zeros((len(c1), 4))
    exact, blurred = (
        float(model.information(np.concatenate([np.log(q), rest], axis=1).astype("float32"), z)[0])
        for q in (posterior, 0.5 * posterior + 0.5 / 3)
    )
    assert exact == pytest.approx(mutual_info_score(c1, x), abs=5e-3)
    assert blurred < exact - 0.05


def test_codes_and_the_noise():
    model = small(InfoGAN)
    z = numpy(model.latent(30_000, seed=5))
    assert z.shape == (30_000, 9) and model.noise_dim == 4
    assert stats.kstest(z[:, :4].ravel(), "norm").pvalue > 1e-3
    assert set(np.unique(z[:, 4:7])) == {0, 1} and (z[:, 4:7].sum(axis=1) == 1).all()
    assert stats.chisquare(z[:, 4:7].sum(axis=0)).pvalue > 1e-3
    assert stats.kstest(z[:, 7:].ravel(), "uniform", (-1, 2)).pvalue > 1e-3
    assert np.abs(np.corrcoef(z[:, [0, 1, 7, 8]].T) - np.eye(4)).max() < 0.03
    given = numpy(model.latent(5, seed=5, c1=2, continuous=(0.5, -3)))
    assert (given[:, 4:] == [0, 0, 1, 0.5, -3]).all() and np.ptp(given[:, 0]) > 0
    assert_allclose(numpy(model.split_code(given)[1]), np.tile([0.5, -3], (5, 1)))


def test_traversals_move_one_code_alone():
    model = small(InfoGAN)
    model.decode = lambda z, batch_size=1024: z  # the inputs instead of the images
    model.example_shape = (9,)
    for code, columns in ((1, slice(4, 7)), (2, 7), (3, 8)):
        rows = model.traverse(code, n=4, seed=1)
        assert rows.shape == (4, 3 if code == 1 else 10, 9)
        others = np.delete(rows, np.r_[columns], axis=2)
        assert (others == others[:, :1]).all()
    assert (model.traverse(1, n=2)[0, :, 4:7] == np.eye(3)).all()
    assert_allclose(model.traverse(2, n=2)[1, :, 7], np.linspace(-2, 2, 10))
    assert_allclose(model.traverse(3, values=[0, 1], n=2)[1, :, 8], [0, 1])
    assert (model.traverse(2, n=4)[:, 0, 4:7].argmax(axis=1) == [0, 1, 2, 0]).all()
    assert np.array_equal(model.traverse(2, n=2, seed=4), model.traverse(2, n=2, seed=4))


def test_codes_that_do_not_exist_are_refused():
    model = small(InfoGAN)
    for c1 in (3, -1, 0.5):
        with pytest.raises(ValueError, match="c1 must be integers in 0 ... 2, one or 2; got"):
            model.latent(2, c1=c1)
    with pytest.raises(ValueError, match=r"continuous must be finite and have the shape \(2,\) or \(4, 2\); got"):
        model.generate(4, continuous=(np.nan, 0))
    for values in ([], [np.nan], np.zeros((10, 1))):
        with pytest.raises(ValueError, match="values must be one or more finite numbers"):
            model.traverse(2, values=values)


def test_generate_and_encode_follow_the_codes():
    model = small(InfoGAN)
    made = model.generate(4, seed=3, c1=[0, 1, 2, 0], continuous=(0.0, 1.0))
    z = model.latent(4, 3, np.array([0, 1, 2, 0]), np.array([0.0, 1.0]))
    assert_allclose(made, numpy(model.generator(z, training=False)), atol=1e-6)
    assert made.shape == (4, *SHAPE) and np.array_equal(model.generate(4, seed=3), model.generate(4, seed=3))
    probabilities, means = model.encode(made, batch_size=3)
    _, code = model.discriminator(made, training=False)
    assert_allclose(probabilities, np.exp(log_softmax(numpy(code)[:, :3], axis=1)), rtol=1e-4)
    assert_allclose(means, numpy(code)[:, 3:5], rtol=1e-4, atol=1e-6)


def discriminator_with_q():
    example = keras.Input((4, 4, 1))
    trunk = layers.Dense(32, activation="relu")(layers.Flatten()(example))
    return keras.Model(example, [layers.Dense(1)(trunk), layers.Dense(2, name="q")(trunk)])


@pytest.mark.parametrize("weight", [1.0, 0.0])
def test_both_players_learn_the_code(weight):
    """Two bright pixels: the bound on c1 climbs from 0 towards log 2. With the weight 0 Q stays as it was."""
    keras.utils.set_random_seed(1)
    x = np.zeros((512, 4, 4, 1), "float32")
    x[:256, 0, 0], x[256:, 3, 3] = 1, 1
    model = InfoGAN(
        dense_decoder((4, 4, 1), 4, (32,)),
        discriminator_with_q(),
        categories=2,
        continuous=0,
        categorical_weight=weight,
        seed=1,
    )
    model.compile(keras.optimizers.Adam(3e-3), keras.optimizers.Adam(3e-3))
    before = model.discriminator.get_layer("q").get_weights()
    bound = model.fit(x, epochs=40 if weight else 2, batch_size=64, verbose=0).history["L_I(c1)"]
    if weight:
        assert bound[0] < 0.6 < bound[-1] <= np.log(2)
    else:
        for old, new in zip(before, model.discriminator.get_layer("q").get_weights()):
            assert_allclose(new, old, atol=1e-6)


# ---------------------------------------------------------------- the networks of the papers


def test_networks_of_chen_et_al():
    """Table 1, summed by hand. Dense and convolution before a batch normalisation have no bias in G."""
    generator, discriminator = convolutional_generator(), convolutional_discriminator(code_outputs=14)
    assert (
        generator.count_params()
        == (
            74 * 1024
            + 4 * 1024
            + 1024 * 6272
            + 4 * 6272  # 7 x 7 x 128 = 6272
            + 16 * 128 * 64
            + 4 * 64
            + 16 * 64
            + 1
        )
        == 6_659_841
    )
    assert (
        discriminator.count_params()
        == (
            16 * 64
            + 64
            + 16 * 64 * 128
            + 128
            + 4 * 128
            + 6272 * 1024
            + 1024
            + 4 * 1024
            + 1024
            + 1
            + 1024 * 128
            + 128
            + 4 * 128
            + 128 * 14
            + 14
        )
        == 6_694_991
    )
    assert [tuple(o.shape) for o in discriminator.outputs] == [(None, 1), (None, 14)]
    image = numpy(generator(keras.random.normal((3, 74), seed=1)))
    assert image.shape == (3, 28, 28, 1) and image.min() >= 0 and image.max() <= 1
    names = [type(layer).__name__ for layer in discriminator.layers]
    assert names.count("BatchNormalization") == 3 and names.count("LeakyReLU") == 4


def test_sizes_of_the_networks():
    assert convolutional_generator((16, 8, 3), 5, (4,), None).output_shape == (None, 16, 8, 3)
    plain = convolutional_discriminator((16, 8, 3), (4,), None, batch_normalization=False)
    assert plain.count_params() == 16 * 3 * 4 + 4 + 8 * 4 * 4 + 1
    assert [type(layer).__name__ for layer in plain.layers].count("BatchNormalization") == 0


def test_spectral_normalization_makes_the_largest_singular_value_1():
    model = convolutional_discriminator((8, 8, 1), (4,), 12, spectral_normalization=True, batch_normalization=False)
    for _ in range(60):  # one power iteration a call
        model(images(2), training=True)
    dense = [layer for layer in model.layers if isinstance(layer, layers.SpectralNormalization)][1]
    assert np.linalg.norm(numpy(dense.layer.kernel), 2) == pytest.approx(1, abs=0.02)


# ---------------------------------------------------------------- a keras.Model


@pytest.mark.parametrize("kind", [GAN, InfoGAN])
def test_it_saves_and_loads(kind, tmp_path):
    model = small(
        kind,
        loss="minimax",
        discriminator_steps=2,
        prior="uniform",
        gradient_penalty=0.5,
        instance_noise=0.1,
        spectral_normalization=True,
        name="mine",
    )
    model.compile(keras.optimizers.Adam(3e-3), keras.optimizers.SGD(0.01, momentum=0.9), steps_per_execution=2)
    x = images()
    model.run_eagerly = EAGERLY  # this once; it is no part of what is saved
    model.fit(x, batch_size=4, verbose=0)
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    for setting in (
        "name",
        "adversarial_loss",
        "discriminator_steps",
        "prior",
        "gradient_penalty",
        "instance_noise",
        "seed",
    ):
        assert getattr(again, setting) == getattr(model, setting)
    assert_allclose(again.predict(x, verbose=0), model.predict(x, verbose=0), atol=1e-6)
    assert_allclose(again.generate(3, seed=1), model.generate(3, seed=1), atol=1e-6)
    assert again.steps_per_execution == 2
    for role in ("generator", "discriminator"):
        ours, theirs = getattr(model, f"{role}_optimizer"), getattr(again, f"{role}_optimizer")
        assert ours.get_config() == theirs.get_config()
        for a, b in zip(ours.variables, theirs.variables):
            assert_allclose(numpy(a), numpy(b), rtol=1e-5)
    if kind is InfoGAN:
        assert_allclose(again.encode(x)[0], model.encode(x)[0], atol=1e-6)
    again.fit(x, batch_size=4, verbose=0)


def test_the_same_seed_gives_the_same_model():
    first, second = (small(batch_normalization=False) for _ in range(2))
    for model in (first, second):
        model.compile()
        model.fit(images(), batch_size=4, verbose=0, shuffle=False)
    for a, b in zip(first.get_weights(), second.get_weights()):
        assert_allclose(a, b, rtol=1e-4, atol=1e-6)


def test_nan_stops_the_game_and_brings_the_weights_back(capsys):
    model, guard = small(batch_normalization=False), StopOnNaN()
    model.compile(keras.optimizers.SGD(1e30), keras.optimizers.SGD(1e30))
    model.fit(images(), epochs=3, batch_size=4, verbose=0, callbacks=[guard])
    assert guard.stopped_at and all(np.isfinite(w).all() for w in model.get_weights())
    assert "StopOnNaN: " in capsys.readouterr().out


# ---------------------------------------------------------------- refusals


@pytest.mark.parametrize(
    "options, message",
    [
        ({"loss": "wasserstein"}, "loss must be one of non_saturating, minimax; got 'wasserstein'"),
        ({"prior": "cauchy"}, "prior must be one of normal, uniform; got 'cauchy'"),
        ({"discriminator_steps": 0}, "discriminator_steps must be an integer >= 1; got 0"),
        ({"gradient_penalty": -1}, "gradient_penalty must be a number >= 0; got -1"),
        ({"instance_noise": float("nan")}, "instance_noise must be a number >= 0; got nan"),
    ],
)
def test_arguments_that_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        small(**options)


def test_models_that_are_refused():
    G, D = dense_decoder((4,), 2), dense_encoder((4,), 1)
    with pytest.raises(ValueError, match=r"generator must make what discriminator takes, \(None, 3\); got \(None, 4\)"):
        GAN(G, dense_encoder((3,), 1))
    with pytest.raises(ValueError, match=r"discriminator must give a score of shape \(batch, 1\); got \[\(None, 2\)\]"):
        GAN(G, dense_encoder((4,), 2))
    with pytest.raises(ValueError, match="discriminator must output scores, .* got probabilities"):
        GAN(G, dense_encoder((4,), 1, code_activation="sigmoid"))
    with pytest.raises(TypeError, match="discriminator must be a keras.Model"):
        GAN(G, lambda x: x)
    with pytest.raises(ValueError, match=r"and a second output for the codes; got \[\(None, 1\)\]"):
        InfoGAN(G, D)
    pair = keras.Model(D.input, [D.output, layers.Dense(7)(D.input)])
    with pytest.raises(ValueError, match="generator must take at least categories . continuous = 5 numbers; got 2"):
        InfoGAN(G, pair, categories=3, continuous=2)
    with pytest.raises(ValueError, match=r"must be categories \+ 2 continuous = 5 numbers; .* \(None, 7\)"):
        InfoGAN(dense_decoder((4,), 9), pair, categories=3, continuous=1)
    with pytest.raises(ValueError, match="categories must be an integer >= 2; got 1"):
        InfoGAN(dense_decoder((4,), 9), pair, categories=1)


def test_data_and_calls_that_are_refused():
    model, x = small(InfoGAN, discriminator_steps=3), images(13)
    same = keras.optimizers.SGD()
    with pytest.raises(ValueError, match="compile takes run_eagerly, .* beside the optimizers; got loss, metrics"):
        small(GAN).compile(metrics=["mae"], loss="mse")
    with pytest.raises(ValueError, match="must be two objects; got the same one"):
        model.compile(same, same)
    model.compile()
    with pytest.raises(ValueError, match=r"x must be in \[0, 1\].* got values from .* to 25\d"):
        model.fit(255 * x, verbose=0)
    with pytest.raises(ValueError, match="y must be left out: InfoGAN learns from x alone"):
        model.fit(x, np.zeros(13), verbose=0)
    with pytest.raises(ValueError, match="at least discriminator_steps = 3 examples; got one of 1 with batch_size = 4"):
        model.fit(x, batch_size=4, verbose=0)
    with pytest.raises(ValueError, match="n must be an integer >= 1; got 0"):
        model.generate(0)
    with pytest.raises(ValueError, match="c1 must be integers in 0 ... 2, one or 4; got"):
        model.generate(4, c1=3)
    with pytest.raises(ValueError, match=r"continuous must be finite and have the shape \(2,\) or \(4, 2\); got"):
        model.generate(4, continuous=(0, 0, 0))
    with pytest.raises(ValueError, match="code must be an integer in 1 ... 3; got 4"):
        model.traverse(4)
    for values in ([-1], [3], [0.5]):
        with pytest.raises(ValueError, match="values must be integers in 0 ... 2 for code 1"):
            model.traverse(1, values)
    with pytest.raises(ValueError, match=r"z must have the shape \(n, 9\) with n >= 1; got \(4, 8\)"):
        model.decode(np.zeros((4, 8)))


@pytest.mark.parametrize("build", [convolutional_generator, convolutional_discriminator])
def test_networks_that_are_refused(build):
    shape = "output_shape" if build is convolutional_generator else "input_shape"
    with pytest.raises(ValueError, match=f"{shape} must be .*height, width, channels"):
        build((28, 28), filters=(4, 4))
    with pytest.raises(ValueError, match="filters must be integers >= 1 in a tuple; got 8"):
        build(filters=8)
    with pytest.raises(ValueError, match="units must be an integer >= 1; got 0"):
        build(units=0)


@pytest.mark.parametrize("build", [convolutional_generator, convolutional_discriminator])
def test_channels_first_is_refused(build):
    keras.config.set_image_data_format("channels_first")
    try:
        with pytest.raises(ValueError, match="image_data_format of Keras must be 'channels_last'"):
            build()
    finally:
        keras.config.set_image_data_format("channels_last")


def test_sides_must_halve():
    with pytest.raises(ValueError, match=r"sides divisible by 8 for 3 filters; got \(28, 28, 1\)"):
        convolutional_generator(filters=(8, 8, 8))

"""The VAE against SciPy's densities, Monte Carlo with error bars, and probabilistic PCA, whose
likelihood is known exactly."""

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from keras import layers, ops
from numpy.testing import assert_allclose
from scipy import stats

from coursekit.generative import (
    VariationalAutoencoder,
    convolutional_decoder,
    convolutional_encoder,
    dense_decoder,
    dense_encoder,
    gradient,
    kl_to_standard_normal,
    normal_log_density,
    reparameterize,
)

SHAPE = (4, 4, 1)


def images(n=10, shape=SHAPE, seed=0):
    return np.random.default_rng(seed).uniform(size=(n, *shape)).astype("float32")


def small(shape=SHAPE, latent_dim=2, **options):
    keras.utils.set_random_seed(3)
    return VariationalAutoencoder(
        dense_encoder(shape, 2 * latent_dim, (8,)),
        dense_decoder(shape, latent_dim, (8,), output_activation=None),
        **options,
    )


def numpy(tensor):
    return ops.convert_to_numpy(tensor)


def within(samples, expected, errors=4.5):
    """The mean of the samples is the expected one, within so many standard errors."""
    samples = np.asarray(samples, "float64")
    assert abs(samples.mean() - expected) < errors * samples.std() / np.sqrt(samples.size) + 1e-6


# ---------------------------------------------------------------- the three formulas


@given(seed=st.integers(0, 2**32 - 1), dim=st.integers(1, 6))
@settings(deadline=None, max_examples=20)
def test_kl_is_the_general_formula_for_gaussians(seed, dim):
    """1/2 (tr(S1^-1 S0) + (m1 - m0)' S1^-1 (m1 - m0) - k + log det S1 / det S0) with full matrices."""
    generator = np.random.default_rng(seed)
    mean, log_variance = generator.normal(size=(2, 3, dim))
    measured = numpy(kl_to_standard_normal(mean, log_variance))
    for m, logs, kl in zip(mean, log_variance, measured):
        S0, S1 = np.diag(np.exp(logs)), np.eye(dim)
        general = np.trace(np.linalg.solve(S1, S0)) + m @ np.linalg.solve(S1, m) - dim
        general += np.linalg.slogdet(S1)[1] - np.linalg.slogdet(S0)[1]
        assert kl == pytest.approx(general / 2, rel=1e-4, abs=1e-5) and kl >= -1e-6


def test_kl_is_what_monte_carlo_says():
    mean, sigma = np.array([0.7, -1.2, 0.0]), np.array([0.5, 1.5, 1.0])
    z = np.random.default_rng(0).normal(mean, sigma, (100_000, 3))
    ratios = stats.norm.logpdf(z, mean, sigma).sum(axis=1) - stats.norm.logpdf(z).sum(axis=1)
    within(ratios, float(kl_to_standard_normal(mean[None], 2 * np.log(sigma)[None])[0]))
    assert float(kl_to_standard_normal(np.zeros((1, 5)), np.zeros((1, 5)))[0]) == 0


def test_density_is_scipys():
    generator = np.random.default_rng(1)
    z, mean, log_variance = generator.normal(size=(3, 4, 5, 2))
    expected = stats.norm.logpdf(z, mean, np.exp(log_variance / 2)).sum(axis=-1)
    assert_allclose(numpy(normal_log_density(z, mean, log_variance)), expected, rtol=1e-5)
    assert_allclose(numpy(normal_log_density(z)), stats.multivariate_normal(np.zeros(2)).logpdf(z), rtol=1e-5)


def test_samples_follow_q():
    mean, log_variance = np.full((50_000, 2), [1.0, -2.0], "float32"), np.array([0.5, -1.0], "float32")
    z = numpy(reparameterize(mean, log_variance, seed=1))
    for j in range(2):
        assert stats.kstest(z[:, j], "norm", (mean[0, j], np.exp(log_variance[j] / 2))).pvalue > 1e-3
    assert abs(np.corrcoef(z.T)[0, 1]) < 0.02
    assert_allclose(numpy(reparameterize(mean, log_variance, seed=1)), z)


@pytest.mark.parametrize("mu, log_variance", [(0.5, -0.7), (-1.5, 0.4), (0.0, 0.0)])
def test_gradients_pass_through_the_sample(mu, log_variance):
    """d/dmu E z^2 = 2 mu and d/dlog sigma^2 E z^2 = sigma^2, as E z^2 = mu^2 + sigma^2."""
    n, sigma = 50_000, np.exp(log_variance / 2)
    m, v = np.full(n, mu, "float32"), np.full(n, log_variance, "float32")

    def total(mean, logs):  # each entry a sample of its own: the gradient holds n samples of it
        return ops.sum(ops.square(reparameterize(mean, logs, seed=1)))

    by_mean, by_logs = numpy(gradient(lambda m: total(m, v), m)), numpy(gradient(lambda v: total(m, v), v))
    within(by_mean, 2 * mu)
    within(by_logs, sigma**2)
    step = np.float32(1e-2)  # the same seed, so the same epsilon: finite differences are not noisy
    assert by_mean.mean() == pytest.approx(float(total(m + step, v) - total(m - step, v)) / (2 * step * n), abs=2e-3)
    assert by_logs.mean() == pytest.approx(float(total(m, v + step) - total(m, v - step)) / (2 * step * n), abs=2e-3)


# ---------------------------------------------------------------- likelihoods and the ELBO


def test_bernoulli_likelihood_is_scipys_and_stable():
    model = small()
    logits = np.random.default_rng(2).normal(0, 3, (6, *SHAPE)).astype("float32")
    x = np.round(images(6))
    probabilities = 1 / (1 + np.exp(-logits.astype("float64")))
    expected = stats.bernoulli.logpmf(x, probabilities).sum(axis=(1, 2, 3))
    assert_allclose(numpy(model.conditional_log_likelihood(x, logits)), expected, rtol=1e-5)
    sure = 1e4 * (2 * x - 1)
    assert_allclose(numpy(model.conditional_log_likelihood(x, sure)), 0, atol=1e-6)
    assert_allclose(numpy(model.conditional_log_likelihood(1 - x, sure)), -16e4)


@pytest.mark.parametrize("scale", [1.0, 0.3])
def test_gaussian_likelihood_is_scipys(scale):
    model = small((5,), likelihood="gaussian", scale=scale)
    x, output = np.random.default_rng(3).normal(size=(2, 6, 5))
    assert_allclose(
        numpy(model.conditional_log_likelihood(x, output)), stats.norm.logpdf(x, output, scale).sum(axis=1), rtol=1e-5
    )


@pytest.mark.parametrize("beta", [0.0, 4.0])
def test_the_terms_add_up(beta):
    x = images()
    model = small(beta=beta, seed=5)
    model.compile("adam")
    history = model.fit(x, epochs=2, batch_size=4, verbose=0, validation_data=(x,)).history
    for prefix in ("", "val_"):
        loss, elbo, reconstruction, kl = (
            np.array(history[prefix + name]) for name in ("loss", "elbo", "reconstruction", "kl")
        )
        assert_allclose(elbo, reconstruction - kl, rtol=1e-5)
        assert_allclose(loss, beta * kl - reconstruction, rtol=1e-5)
    mean, log_variance = model.encode(x)
    measured = model.evaluate(x, batch_size=4, verbose=0, return_dict=True)
    assert measured["kl"] == pytest.approx(numpy(kl_to_standard_normal(mean, log_variance)).mean(), rel=1e-5)


# ---------------------------------------------------------------- probabilistic PCA: everything is known

D, K, SIGMA = 4, 2, 0.6


def linear_vae(width=1.0, shift=0.0):
    """x = W z + b + N(0, SIGMA^2 I), W with orthogonal columns, so that the posterior has independent
    components; q is that posterior, its standard deviations times ``width``, its means plus ``shift``."""
    W = np.linalg.qr(np.random.default_rng(0).normal(size=(D, K)))[0] * [1.5, 0.8]
    b = np.array([0.3, -0.2, 0.0, 1.0])
    precision = np.diag(W.T @ W) / SIGMA**2 + 1
    to_mean = W / SIGMA**2 / precision
    x = layers.Input((D,))
    encoder = keras.Model(x, [layers.Dense(K)(x), layers.Dense(K)(x)])
    decoder = dense_decoder((D,), K, (), output_activation=None)
    encoder.set_weights([to_mean, shift - b @ to_mean, np.zeros((D, K)), 2 * np.log(width) - np.log(precision)])
    decoder.set_weights([W.T, b])
    model = VariationalAutoencoder(encoder, decoder, likelihood="gaussian", scale=SIGMA, seed=1)
    model.compile("sgd")
    truth = stats.multivariate_normal(b, W @ W.T + SIGMA**2 * np.eye(D))
    q = stats.norm(0, width / np.sqrt(precision))
    return model, truth, W, b, to_mean, q


def test_with_the_exact_posterior_the_bound_is_tight():
    model, truth, *_ = linear_vae()
    x = truth.rvs(300, random_state=1)
    exact = truth.logpdf(x)
    for samples, batch_size in [(1, 1024), (7, 1024), (5, 128)]:
        assert_allclose(model.log_likelihood(x, samples, batch_size, seed=1), exact, atol=2e-4)
    elbos = [model.evaluate(x, verbose=0, return_dict=True)["elbo"] for _ in range(10)]
    within(elbos, exact.mean())


def test_bounds_in_order_and_the_elbo_in_closed_form():
    model, truth, W, b, to_mean, q = linear_vae(width=1.7, shift=0.4)
    x = truth.rvs(300, random_state=1)
    exact = truth.logpdf(x)
    # E_q log p(x|z) = log N(x; W m + b, SIGMA^2 I) - 1/2 tr(W S W') / SIGMA^2; KL by SciPy's entropies
    mean, variance = (x - b) @ to_mean + 0.4, q.var()
    reconstruction = stats.norm.logpdf(x, mean @ W.T + b, SIGMA).sum(axis=1) - np.sum(W**2 * variance) / SIGMA**2 / 2
    kl = 0.5 * np.sum(mean**2 + variance + np.log(2 * np.pi), axis=1) - q.entropy().sum()
    elbo = reconstruction - kl
    assert (elbo < exact).all()
    terms = [numpy(term) for term in model.elbo_terms(np.repeat(x, 100, axis=0))]
    within(terms[0] - np.repeat(reconstruction, 100), 0)
    assert_allclose(terms[1], np.repeat(kl, 100), rtol=1e-4)
    one, twenty, many = (model.log_likelihood(x, samples, batch_size=300, seed=2) for samples in (1, 20, 600))
    within(one - elbo, 0)
    assert elbo.mean() < twenty.mean() - 0.1 < many.mean() - 0.1
    assert many.mean() < exact.mean() + 3e-3 and np.abs(many - exact).max() < 0.5
    assert np.abs(many - exact).mean() < 0.1


def test_samples_are_taken_in_bounded_chunks(monkeypatch):
    model, truth, *_ = linear_vae(width=1.5)
    x, rows = truth.rvs(10, random_state=1), []
    whole = type(model).conditional_log_likelihood

    def spy(self, x, output):
        rows.append(output.shape[0])
        return whole(self, x, output)

    monkeypatch.setattr(type(model), "conditional_log_likelihood", spy)
    chunked = model.log_likelihood(x, samples=401, batch_size=40, seed=1)
    assert max(rows) == 40 and sum(rows) == 10 * 401
    monkeypatch.undo()
    assert_allclose(chunked, model.log_likelihood(x, samples=401, batch_size=10**6, seed=2), atol=0.6)
    assert_allclose(
        model.log_likelihood(x, samples=30, batch_size=4, seed=3),
        model.log_likelihood(x, samples=30, batch_size=4, seed=3),
    )


def test_far_away_images_have_a_finite_likelihood():
    model, truth, *_ = linear_vae(width=1.2)
    x = np.full((2, D), 1e3)
    assert_allclose(model.log_likelihood(x, samples=50, batch_size=4, seed=1), truth.logpdf(x), rtol=1e-2)


def test_generation_is_from_the_prior():
    model, _, W, b, *_ = linear_vae(shift=3.0)
    x = model.generate(20_000, seed=1).astype("float64")
    for j in range(D):
        within(x[:, j], b[j])
    assert_allclose(np.cov(x.T), W @ W.T, atol=0.06)
    assert_allclose(model.generate(5, seed=2), model.generate(5, seed=2))
    assert np.abs(model.generate(5, seed=2) - model.generate(5, seed=3)).max() > 0.1


# ---------------------------------------------------------------- a keras.Model


def test_encode_decode_reconstruct_interpolate():
    model, x = small(), images(4)
    mean, log_variance = model.encode(x, batch_size=3)
    assert mean.shape == log_variance.shape == (4, 2)
    assert_allclose(np.concatenate([mean, log_variance], axis=1), numpy(model.encoder(x)), atol=1e-6)
    r = model.reconstruct(x)
    assert_allclose(r, 1 / (1 + np.exp(-numpy(model.decoder(mean)))), atol=1e-6)
    for same in (model.decode(mean), model.predict(x, verbose=0), numpy(model(x))):
        assert_allclose(same, r, atol=1e-6)
    line = model.interpolate(x[:2], x[2:], steps=5)
    assert line.shape == (2, 5, *SHAPE)
    assert_allclose(line[:, 0], r[:2], atol=1e-6)
    assert_allclose(line[:, -1], r[2:], atol=1e-6)
    assert_allclose(line[:, 2], model.decode((mean[:2] + mean[2:]) / 2), atol=1e-6)


def test_convolutional_training_raises_the_elbo():
    keras.utils.set_random_seed(1)
    model = VariationalAutoencoder(
        convolutional_encoder((8, 8, 1), 4, (4,)), convolutional_decoder((8, 8, 1), 2, (4,), output_activation=None)
    )
    model.compile(keras.optimizers.Adam(0.02))
    x = np.zeros((64, 8, 8, 1)) + np.eye(8)[np.arange(64) % 8][:, :, None, None]  # one row is white
    elbo = model.fit(x, epochs=8, batch_size=16, verbose=0).history["elbo"]
    assert elbo[-1] > elbo[0] + 5


@pytest.mark.parametrize("options", [{"beta": 0.5}, {"likelihood": "gaussian", "scale": 0.2}])
def test_it_saves_and_loads(options, tmp_path):
    model, x = small(seed=4, name="mine", **options), images()
    model.compile("adam")
    model.fit(x, verbose=0)
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    for setting in ("name", "likelihood", "beta", "scale", "seed"):
        assert getattr(again, setting) == getattr(model, setting)
    assert_allclose(again.predict(x, verbose=0), model.predict(x, verbose=0), atol=1e-6)
    for ours, theirs in [
        (model.encode(x), again.encode(x)),
        (model.generate(3, seed=1), again.generate(3, seed=1)),
        (model.log_likelihood(x, 5, seed=1), again.log_likelihood(x, 5, seed=1)),
    ]:
        assert_allclose(ours, theirs, rtol=1e-5, atol=1e-6)
    again.fit(x, verbose=0)  # compiled as before


# ---------------------------------------------------------------- refusals


@pytest.mark.parametrize(
    "options, message",
    [
        ({"likelihood": "poisson"}, "likelihood must be one of bernoulli, gaussian; got 'poisson'"),
        ({"beta": -1}, "beta must be a number >= 0; got -1"),
        ({"scale": 0}, "scale must be a number > 0; got 0"),
    ],
)
def test_arguments_that_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        small(**options)


def test_models_that_are_refused():
    with pytest.raises(ValueError, match=r"encoder must have two outputs \(batch, 2\), or one \(batch, 4\), .* 2\)"):
        VariationalAutoencoder(dense_encoder(SHAPE, 2), dense_decoder(SHAPE, 2, output_activation=None))
    with pytest.raises(ValueError, match="decoder must output logits for likelihood='bernoulli'.* got probabilities"):
        VariationalAutoencoder(dense_encoder(SHAPE, 4), dense_decoder(SHAPE, 2))
    flat = keras.Sequential([layers.Input((2, 1)), layers.Flatten(), layers.Dense(16), layers.Reshape(SHAPE)])
    with pytest.raises(ValueError, match=r"decoder must take z of shape \(batch, latent_dim\); got \(None, 2, 1\)"):
        VariationalAutoencoder(dense_encoder(SHAPE, 4), flat)
    with pytest.raises(ValueError, match="decoder must give back the shape"):
        VariationalAutoencoder(dense_encoder((4, 4), 4), dense_decoder(SHAPE, 2, output_activation=None))


def test_data_that_are_refused():
    model, x = small(), images()
    model.compile("sgd")
    for method in (model.fit, model.evaluate, model.encode, model.reconstruct, model.log_likelihood):
        with pytest.raises(ValueError, match=r"x must be in \[0, 1\].* got values from .* to 25\d"):
            method(255 * x)
        with pytest.raises(ValueError, match=r"x must have the shape \(n, 4, 4, 1\).* got \(10, 4, 4\)"):
            method(x[..., 0])
    with pytest.raises(ValueError, match=r"y must be left out: VariationalAutoencoder learns .* pipeline\.map"):
        model.fit(x, np.zeros(10), verbose=0)
    with pytest.raises(ValueError, match=r"z must have the shape \(n, 2\) with n >= 1; got \(2,\)"):
        model.decode(np.zeros(2))
    for n in (0, 1.5):
        with pytest.raises((TypeError, ValueError), match=f"n must be an integer >= 1; got {n}"):
            model.generate(n)
    with pytest.raises(ValueError, match="steps must be an integer >= 2; got 1"):
        model.interpolate(x, x, steps=1)
    with pytest.raises(ValueError, match="x1 and x2 must hold equally many examples; got 10 and 4"):
        model.interpolate(x, x[:4])
    with pytest.raises(ValueError, match="samples must be an integer >= 1; got 0"):
        model.log_likelihood(x, samples=0)
    with pytest.raises(ValueError, match="x must be finite"):
        small((3,), likelihood="gaussian").encode([[0.0, np.nan, 0.0]])


def test_the_log_density_of_integers_rounds_nothing():
    expected = stats.norm.logpdf([1, 2], 0.5, np.exp(0.45)).sum()
    assert_allclose(ops.convert_to_numpy(normal_log_density(np.array([[1, 2]]), 0.5, 0.9)), [expected], rtol=1e-5)

"""RealNVP against automatic differentiation, SciPy's normal density and a sum over a grid; and all
three models on Keras's JAX backend."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
from keras import ops
from numpy.testing import assert_allclose
from scipy import stats
from sklearn.datasets import make_moons

from coursekit.generative import AffineCoupling, RealNVP, batch_jacobian
from coursekit.generative.gradients import differentiate_weights


def numpy(tensor):
    return ops.convert_to_numpy(tensor)


def points(n, dim, seed=0):
    return np.random.default_rng(seed).normal(size=(n, dim)).astype("float32")


def randomised(model, seed=0):
    """Weights that no longer make the identity."""
    generator = np.random.default_rng(seed)
    model.set_weights([generator.normal(0, 1 / np.sqrt(max(w.shape)), w.shape) for w in model.get_weights()])
    return model


@pytest.fixture(scope="module")
def moons():
    """A flow trained for a few seconds on two moons, with what it saw and what it did not."""
    x = make_moons(2500, noise=0.1, random_state=0)[0].astype("float32")
    x = (x - x.mean(axis=0)) / x.std(axis=0)
    keras.utils.set_random_seed(1)
    model = RealNVP(2, couplings=6, hidden=(32, 32))
    model.compile(keras.optimizers.Adam(5e-3))
    history = model.fit(x[:2000], epochs=30, batch_size=200, verbose=0).history["loss"]
    return model, x[:2000], x[2000:], history


@pytest.mark.parametrize("dim, couplings", [(2, 2), (2, 8), (3, 5), (7, 6)])
def test_inverse_and_determinant(dim, couplings):
    model, x = randomised(RealNVP(dim, couplings, hidden=(16,)), seed=dim), points(50, dim)
    z, log_det = model.forward(x)
    assert (np.abs(numpy(z) - x).max(axis=0) > 0.1).all()  # the masks alternate: every coordinate moves
    assert np.abs(numpy(log_det)).max() > 0.1
    assert_allclose(numpy(model.inverse(z)), x, atol=1e-4)
    assert_allclose(numpy(model.forward(model.inverse(x))[0]), x, atol=1e-4)
    jacobian = numpy(batch_jacobian(lambda x: model.forward(x)[0], x, dim))
    sign, expected = np.linalg.slogdet(jacobian.astype("float64"))
    assert (sign == 1).all()
    assert_allclose(numpy(log_det), expected, rtol=1e-5, atol=1e-5)
    assert_allclose(model.log_prob(x), stats.norm.logpdf(numpy(z)).sum(axis=1) + expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("parity", [0, 1])
def test_a_coupling_moves_half_of_the_coordinates(parity):
    coupling, x = randomised(AffineCoupling(5, parity, (8,))), points(20, 5)
    y = numpy(coupling(x)[0])
    stays = np.arange(5) % 2 == parity
    assert_allclose(y[:, stays], x[:, stays])
    assert (np.abs(y - x).max(axis=0)[~stays] > 1e-2).all()
    jacobian = numpy(batch_jacobian(lambda x: coupling(x)[0], x, 5))
    within_moved = jacobian[:, ~stays][:, :, ~stays]  # diagonal: each moved coordinate is scaled alone
    assert_allclose(within_moved * (1 - np.eye((~stays).sum())), 0, atol=1e-6)


def test_it_begins_as_the_identity():
    model, x = RealNVP(3), points(20, 3)
    assert_allclose(numpy(model.forward(x)[0]), x)
    assert_allclose(model.log_prob(x), stats.multivariate_normal(np.zeros(3)).logpdf(x), rtol=1e-5)
    samples = model.sample(5000, seed=1)
    assert stats.kstest(samples.ravel(), "norm").pvalue > 1e-3


def test_three_couplings_until_all_depends_on_all():
    """NICE, section 3.2: after two, the coordinates that moved first do not depend on each other."""
    model, x = randomised(RealNVP(6, 3, hidden=(32,))), ops.convert_to_tensor(points(100, 6))

    def after(count):
        def stack(x):
            for coupling in model.couplings[:count]:
                x, _ = coupling(x)
            return x

        return int((np.abs(numpy(batch_jacobian(stack, x, 6))).max(axis=0) > 0).sum())

    assert [after(count) for count in (1, 2, 3)] == [15, 30, 36]


def test_fit_takes_the_step_of_gradient_descent():
    """The loss written out with SciPy's density, its gradient, and w - rate * gradient."""
    model, x = randomised(RealNVP(2, 4, hidden=(8,))), points(16, 2)
    before = model.get_weights()

    def loss():
        z, log_det = model.forward(x)
        return -ops.mean(-0.5 * ops.sum(z**2 + np.log(2 * np.pi), axis=1) + log_det)

    value, backward = differentiate_weights(loss, model.trainable_variables, model)
    slopes = [numpy(slope) for slope in backward(ops.ones_like(value))]
    z, log_det = model.forward(x)
    assert float(value) == pytest.approx(-(stats.norm.logpdf(numpy(z)).sum(axis=1) + numpy(log_det)).mean(), rel=1e-5)
    model.compile(keras.optimizers.SGD(0.01))
    history = model.fit(x, batch_size=16, verbose=0).history["loss"]
    assert history[0] == pytest.approx(float(value), rel=1e-5)
    for after, w, slope in zip(model.get_weights(), before, slopes):
        assert_allclose(after, w - 0.01 * slope, rtol=1e-4, atol=1e-6)


def test_density_integrates_to_one(moons):
    model, *_ = moons
    axis = np.linspace(-6, 6, 301)
    grid = np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2)
    total = np.exp(model.log_prob(grid).astype("float64")).sum() * (axis[1] - axis[0]) ** 2
    assert total == pytest.approx(1, abs=0.01)


def test_training_beats_a_gaussian(moons):
    model, seen, unseen, history = moons
    gaussian = stats.multivariate_normal(seen.mean(axis=0), np.cov(seen.T))
    assert history[-1] < history[0]
    assert -model.log_prob(unseen).mean() < -gaussian.logpdf(unseen).mean() - 0.3
    assert model.evaluate(unseen, verbose=0) == pytest.approx(-model.log_prob(unseen).mean(), rel=1e-4)
    assert_allclose(model.predict(unseen, verbose=0), model.log_prob(unseen, batch_size=77), rtol=1e-4, atol=1e-4)


def test_samples_come_from_the_model(moons):
    model, seen, _, _ = moons
    samples = model.sample(4000, seed=1)
    assert samples.shape == (4000, 2)
    z = numpy(model.forward(samples)[0])
    assert stats.kstest(z.ravel(), "norm").pvalue > 1e-3
    assert_allclose(np.cov(samples.T), np.cov(seen.T), atol=0.25)
    assert_allclose(model.sample(5, seed=2), model.sample(5, seed=2))
    assert np.abs(model.sample(5, seed=2) - model.sample(5, seed=3)).max() > 0.01


def test_it_saves_and_loads(tmp_path):
    model, x = randomised(RealNVP(3, 4, (8, 8), activation="tanh", name="mine")), points(20, 3)
    model.compile("adam")
    model.fit(x, verbose=0)
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    assert again.get_config() == model.get_config() and len(again.couplings) == 4
    assert_allclose(again.log_prob(x), model.log_prob(x), atol=1e-6)
    assert_allclose(again.sample(4, seed=1), model.sample(4, seed=1), atol=1e-6)
    again.fit(x, verbose=0)  # compiled as before


@pytest.mark.parametrize(
    "build, message",
    [
        (lambda: RealNVP(1), "dim must be an integer >= 2; got 1"),
        (lambda: RealNVP(2, couplings=1), "couplings must be an integer >= 2; got 1"),
        (lambda: RealNVP(2, hidden=(0,)), r"hidden must be integers >= 1 in a tuple; got \(0,\)"),
        (lambda: RealNVP(2, hidden=8), "hidden must be integers >= 1 in a tuple; got 8"),
        (lambda: AffineCoupling(2, parity=2), "parity must be 0 or 1; got 2"),
        (lambda: RealNVP(2).sample(0), "n must be an integer >= 1; got 0"),
        (lambda: RealNVP(2).log_prob(np.zeros((3, 4))), r"x must have the shape \(n, 2\) with n >= 1; got \(3, 4\)"),
        (lambda: RealNVP(2).log_prob([[0.0, np.inf]]), "x must be finite; got values from 0 to inf"),
    ],
)
def test_refusals(build, message):
    with pytest.raises(ValueError, match=message):
        build()


def labelled():
    """A pipeline of (x, label)."""
    while True:
        yield points(8, 2), np.zeros(8)


@pytest.mark.parametrize("data", [(points(8, 2), np.zeros(8)), (labelled(),)])
def test_labels_are_refused(data):
    model = RealNVP(2)
    model.compile("sgd")
    with pytest.raises(ValueError, match="y must be left out: RealNVP learns from x alone"):
        model.fit(*data, steps_per_epoch=1, verbose=0)


ON_JAX = """
import keras, numpy as np
from coursekit.callbacks import StopOnNaN
from coursekit.generative import *

assert keras.backend.backend() == "jax"
keras.utils.set_random_seed(1)
x = np.random.default_rng(0).uniform(size=(24, 4, 4, 1)).astype("float32")
models = {
    Autoencoder(dense_encoder((4, 4, 1), 2, (8,)), dense_decoder((4, 4, 1), 2, (8,)), sparsity=0.1,
                contraction=0.1, noise=("salt_and_pepper", 0.2)): x,
    VariationalAutoencoder(dense_encoder((4, 4, 1), 4, (8,)),
                           dense_decoder((4, 4, 1), 2, (8,), output_activation=None)): x,
    RealNVP(2, 4, (8,)): 3 * x[:, 0, :2, 0],
}
for model, data in models.items():
    model.compile(keras.optimizers.Adam(0.01))
    losses = model.fit(data, epochs=8, batch_size=8, verbose=0, callbacks=[StopOnNaN(every=2)]).history["loss"]
    assert losses[-1] < losses[0], (model.name, losses)
    model.save("model.keras")
    again = keras.models.load_model("model.keras")
    assert np.allclose(again.predict(data, verbose=0), model.predict(data, verbose=0), atol=1e-6)
autoencoder, vae, flow = models
kernel = np.random.default_rng(1).normal(size=(5, 3)).astype("float32")
encoder = dense_encoder((5,), 3, (), code_activation="sigmoid")
encoder.set_weights([kernel, np.zeros(3)])
v = kernel.T[:2]
code = np.asarray(encoder(v))
closed = ((code * (1 - code)) ** 2) @ (kernel**2).sum(axis=0)
assert np.allclose(contractive_penalty(encoder, v), closed, rtol=1e-5)
assert (vae.log_likelihood(x, 50, seed=1) < 0).all() and vae.generate(3, seed=1).shape == (3, 4, 4, 1)
guard = StopOnNaN()
autoencoder.compile(keras.optimizers.SGD(1e30))
autoencoder.fit(x, epochs=3, batch_size=8, verbose=0, callbacks=[guard])
assert guard.stopped_at and all(np.isfinite(w).all() for w in autoencoder.get_weights())
print("trained")
"""


@pytest.mark.skipif(importlib.util.find_spec("jax") is None, reason="JAX is not installed")
@pytest.mark.skipif(keras.backend.backend() == "jax", reason="all tests of this room run on JAX then")
def test_all_three_train_on_jax(tmp_path):
    root = Path(__file__).parents[2]
    on_jax = {"KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu", "JAX_DISABLE_MOST_OPTIMIZATIONS": "1"}
    environment = os.environ | on_jax | {"PYTHONPATH": str(root)}
    done = subprocess.run([sys.executable, "-c", ON_JAX], cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout.endswith("trained\n")

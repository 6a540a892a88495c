"""Exercises of notebook 16, autoencoders."""

import numpy as np
from hypothesis import assume
from hypothesis import strategies as st

from coursekit.exercises.exercise import Exercise, Mistake, matrices, numbers, vectors


# %% [markdown] 16.1 Decibels of bytes
# Images in files have pixels 0 … 255, each in a byte (`uint8`). The largest possible pixel is then 255. Write the PSNR
# of one such image, $10 \log_{10} \frac{255^2}{\text{mean squared error}}$. Beware: the difference of two bytes is a
# byte for NumPy.
# %% 16.1
def psnr_of_bytes(x, r):
    """In dB; x and r: (H, W) of uint8, not equal."""
    ### BEGIN SOLUTION
    difference = x.astype(float) - r.astype(float)
    return 10 * np.log10(255**2 / np.mean(difference**2))
    ### END SOLUTION


# %%
@st.composite
def two_of_bytes(draw):
    n = draw(st.integers(1, 3))
    levels = st.lists(st.integers(0, 255), min_size=n, max_size=n)
    x, r = (np.array(draw(levels), np.uint8)[None] for _ in range(2))
    assume(np.any(x != r))
    return {"x": x, "r": r}


def of_difference(formula):
    return lambda x, r: formula(x.astype(float) - r.astype(float))


def all_in_bytes(x, r):
    with np.errstate(all="ignore"):
        return 10 * np.log10(255**2 / np.mean((x - r) ** 2))


decibels = Exercise(
    "16.1",
    psnr_of_bytes,
    two_of_bytes(),
    hint="Make floating-point numbers of the bytes before you subtract.",
    mistakes={
        "bytes": Mistake(all_in_bytes, "In bytes 0 - 1 is 255, and 16 squared is 0: make other numbers of them first."),
        "squares of bytes": Mistake(
            lambda x, r: 10 * np.log10(255**2 / np.mean((x - r).astype(float) ** 2)),
            "In bytes 0 - 1 is 255: the difference is taken before they become other numbers.",
        ),
        "peak of 1": Mistake(
            of_difference(lambda d: -10 * np.log10(np.mean(d**2))), "The largest possible pixel is not 1 here."
        ),
        "natural": Mistake(
            of_difference(lambda d: 10 * np.log(255**2 / np.mean(d**2))), "Decibels count in powers of ten, not of e."
        ),
        "peak not squared": Mistake(
            of_difference(lambda d: 10 * np.log10(255 / np.mean(d**2))), "A square is compared with a square."
        ),
    },
)


# %% [markdown] 16.2 What the best linear autoencoder leaves over
# With a code of $k$ numbers and biases, the least mean squared error of an image (summed over its pixels) is the
# variance along all principal axes but the first $k$. Compute it from the singular values of the data
# (`np.linalg.svd`): no eigenvectors, no training.
# %% 16.2
def least_error(X, k):
    """The least mean over the examples of |x - r|^2; X: (n, d), not centred; k < d."""
    ### BEGIN SOLUTION
    singular = np.linalg.svd(X - X.mean(axis=0), compute_uv=False)
    return np.sum(singular[k:] ** 2) / len(X)
    ### END SOLUTION


# %%
@st.composite
def samples(draw):
    d = draw(st.integers(2, 3))
    return {"X": draw(matrices(draw(st.integers(2, 4)), d, -2, 2)), "k": draw(st.integers(1, d - 1))}


def from_singular(formula, centred=True):
    def answer(X, k):
        return formula(np.linalg.svd(X - X.mean(axis=0) * centred, compute_uv=False), k, len(X))

    return answer


leftover = Exercise(
    "16.2",
    least_error,
    samples(),
    hint=(
        "Centre the data. The squares of the singular values, over n, are the variances along the axes, largest first."
    ),
    mistakes={
        "not centred": Mistake(
            from_singular(lambda s, k, n: np.sum(s[k:] ** 2) / n, centred=False),
            "The biases take care of the mean: subtract it before you decompose.",
        ),
        "what is kept": Mistake(
            from_singular(lambda s, k, n: np.sum(s[:k] ** 2) / n),
            "This is the variance that is kept; the rest is lost.",
        ),
        "not squared": Mistake(
            from_singular(lambda s, k, n: np.sum(s[k:]) / n), "A variance is the *square* of a singular value, over n."
        ),
        "sum over examples": Mistake(
            from_singular(lambda s, k, n: np.sum(s[k:] ** 2)),
            "This is the sum over the examples; their mean is asked for.",
        ),
        "n - 1": Mistake(
            from_singular(lambda s, k, n: np.sum(s[k:] ** 2) / (n - 1)),
            "The mean over the examples divides by n; n - 1 belongs to the estimate of a variance.",
        ),
    },
)


# %% [markdown] 16.3 Where the bias of a sparse encoder comes from
# Let the atoms, the columns of $W$, be perpendicular and of length 1, and $h \ge 0$. Minimise
# $\lVert x - W h \rVert^2 + \lambda \sum_i h_i$ over $h$: it falls apart into one problem for each $h_i$. What does the
# solution have in common with $\operatorname{ReLU}(W^\top x + b)$?
# %% 16.3
def best_code(x, W, penalty):
    """The h that minimises it, (units,); x: (d,), W: (d, units), penalty: lambda >= 0."""
    ### BEGIN SOLUTION
    return np.maximum(W.T @ x - penalty / 2, 0)
    ### END SOLUTION


# %%
@st.composite
def perpendicular(draw):
    W = np.array([[0.6, -0.8], [0.8, 0.6]])[:, draw(st.permutations([0, 1]))][:, : draw(st.integers(1, 2))]
    return {"x": draw(vectors(2)), "W": W, "penalty": draw(numbers(0, 3))}


atoms = Exercise(
    "16.3",
    best_code,
    perpendicular(),
    hint=(
        "With perpendicular atoms, |x - W h|^2 = |x|^2 - 2 h·(W^T x) + |h|^2. "
        "Differentiate by one h_i; and h_i may not be below 0."
    ),
    mistakes={
        "whole penalty": Mistake(
            lambda x, W, penalty: np.maximum(W.T @ x - penalty, 0),
            "The derivative of the square has a factor 2; the penalty's has none.",
        ),
        "both signs": Mistake(
            lambda x, W, penalty: np.sign(W.T @ x) * np.maximum(np.abs(W.T @ x) - penalty / 2, 0),
            "This is soft thresholding on both sides (exercise 03.3); here h may not be negative.",
        ),
        "no penalty": Mistake(lambda x, W, penalty: np.maximum(W.T @ x, 0), "The penalty has no effect."),
        "large ones spared": Mistake(
            lambda x, W, penalty: np.where(W.T @ x > penalty / 2, W.T @ x, 0),
            "The zeros are right; but the penalty pulls at the large ones as well.",
        ),
        "projected": Mistake(
            lambda x, W, penalty: W.T @ x - penalty / 2,
            "A number below 0 is not allowed: there the best is at the border.",
        ),
    },
)


# %% [markdown] 16.4 The best denoiser of a bell
# Data $x \sim N(m, v)$, spoilt: $\tilde x = x + s\,\epsilon$ with $\epsilon \sim N(0, 1)$. The squared error is least
# for $r(\tilde x) = \mathbb{E}[x \mid \tilde x]$. Derive it. Then check that
# $r(\tilde x) - \tilde x = s^2\, \frac{d}{d \tilde x} \log p(\tilde x)$ with the density of the *spoilt* data: arrows
# uphill.
# %% 16.4
def best_denoiser(spoilt, m, v, s):
    """r at every number of spoilt, (n,); m: mean, v: variance of the data, s > 0."""
    ### BEGIN SOLUTION
    return spoilt + s**2 / (v + s**2) * (m - spoilt)
    ### END SOLUTION


# %%
denoiser = Exercise(
    "16.4",
    best_denoiser,
    {"spoilt": vectors(low=-3, high=3), "m": numbers(-2, 2), "v": numbers(0.25, 4), "s": numbers(0.25, 2)},
    hint=(
        "x and the spoilt x are jointly Gaussian: a line through (m, m), with slope "
        "covariance over variance of the spoilt."
    ),
    mistakes={
        "towards 0": Mistake(
            lambda spoilt, m, v, s: v / (v + s**2) * spoilt,
            "It must pull towards the middle of the data, which is not 0.",
        ),
        "weights exchanged": Mistake(
            lambda spoilt, m, v, s: spoilt + v / (v + s**2) * (m - spoilt),
            "The more noise, the less the spoilt value is worth: look at s = 0.",
        ),
        "deviations": Mistake(
            lambda spoilt, m, v, s: spoilt + s / (np.sqrt(v) + s) * (m - spoilt),
            "Variances add up and are weighed against each other, not deviations.",
        ),
        "density of clean data": Mistake(
            lambda spoilt, m, v, s: spoilt + s**2 / v * (m - spoilt),
            "This goes uphill in the density of the clean data, and too far: the spoilt ones spread wider.",
        ),
        "mean": Mistake(
            lambda spoilt, m, v, s: np.full(len(spoilt), m), "The spoilt value tells something too: this ignores it."
        ),
    },
)


# %% [markdown] 16.5 A deeper contraction
# The notebook has the penalty $\lVert \partial h / \partial x \rVert_F^2$ of one sigmoid layer. Derive it for two:
# $u = \tanh(W x)$, $h = \operatorname{sigmoid}(V u)$.
# %% 16.5
def squared_jacobian(x, W, V):
    """|dh/dx|^2 at one x, (inputs,); W: (hidden, inputs), V: (units, hidden)."""
    ### BEGIN SOLUTION
    u = np.tanh(W @ x)
    h = 1 / (1 + np.exp(-(V @ u)))
    J = (h * (1 - h))[:, None] * V @ ((1 - u**2)[:, None] * W)
    return np.sum(J**2)
    ### END SOLUTION


# %%
@st.composite
def two_layers(draw):
    inputs, hidden, units = (draw(st.integers(1, 2)) for _ in range(3))
    return {
        "x": draw(vectors(inputs, -1, 1)),
        "W": draw(matrices(hidden, inputs, -2, 2)),
        "V": draw(matrices(units, hidden, -2, 2)),
    }


def jacobian(of_tanh=lambda u: 1 - u**2, of_sigmoid=lambda h: h * (1 - h), norm=None):
    def answer(x, W, V):
        u = np.tanh(W @ x)
        h = 1 / (1 + np.exp(-(V @ u)))
        first, second = of_tanh(u)[:, None] * W, of_sigmoid(h)[:, None] * V
        return norm(first, second) if norm else np.sum((second @ first) ** 2)

    return answer


contraction = Exercise(
    "16.5",
    squared_jacobian,
    two_layers(),
    hint="The chain rule for matrices: the Jacobian of the second layer times that of the first. Then square, and sum.",
    mistakes={
        "layers apart": Mistake(
            jacobian(norm=lambda first, second: np.sum(first**2) * np.sum(second**2)),
            "Multiply the two Jacobians as matrices first; the norm of a product is not the product of the norms.",
        ),
        "no slope inside": Mistake(
            jacobian(of_tanh=np.ones_like), "On its way through tanh a change is multiplied by the slope of tanh."
        ),
        "no slope outside": Mistake(
            jacobian(of_sigmoid=np.ones_like), "On its way through the sigmoid a change is multiplied by its slope."
        ),
        "root": Mistake(lambda *given: np.sqrt(squared_jacobian(*given)), "This is the norm; its square is asked for."),
        "slope of the other": Mistake(
            jacobian(of_tanh=lambda u: u * (1 - u)), "u (1 - u) is the slope of a sigmoid; tanh has another."
        ),
    },
)


# %% [markdown] 16.6 Noise it has never seen
# Train the denoising autoencoder on Gaussian noise of 0.4 and test it on masking, and the other way round. How many
# decibels does each gain, on its own noise and on the other? Look at the pictures as well. (`reconstruct` wants grey
# levels in $[0, 1]$; `model.decoder(model.encoder(x))` takes any.)
# %%
other_noise = Exercise(
    "16.6",
    hint="What does each kind of noise do to a pixel in the empty background, and what to a stroke?",
    expected=(
        "Each is best on the noise it knows. Gaussian noise is removed fairly well even by who never saw it, since the sums over 784 "
        "pixels average it away. Missing pixels are another matter: who learned on Gaussian noise gains little more than an "
        "autoencoder that never saw any noise, and paints pale strokes. It never had to fill anything in."
    ),
)

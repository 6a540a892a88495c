"""Exercises of notebook 20, normalising flows."""

import numpy as np
from hypothesis import strategies as st

from coursekit.exercises.compare import in_words
from coursekit.exercises.exercise import Exercise, Mistake, matrices, numbers, vectors


# %% [markdown] 20.1 A density on (0, 1)
# $f(x) = \log \frac{x}{1 - x}$ takes $(0, 1)$ to the whole line. Let $z = f(x) \sim N(0, 1)$. Derive $\log p(x)$; write
# it for arrays. Where does this density have its peaks if you take $z \sim N(0, 2^2)$ instead? Draw both.
# %% 20.1
def log_density_between(x):
    """log p(x) in nats, of the shape of x; all x in (0, 1)."""
    ### BEGIN SOLUTION
    # N(0, 2^2): peaks where log(x / (1 - x)) = 4 (2 x - 1), near 0.02 and 0.98
    z = np.log(x / (1 - x))
    return -(z**2) / 2 - np.log(2 * np.pi) / 2 - np.log(x) - np.log(1 - x)
    ### END SOLUTION


# %%
def standard_normal(z):
    return -(z**2) / 2 - np.log(2 * np.pi) / 2


between = st.lists(st.integers(1, 15), min_size=1, max_size=3).map(lambda parts: np.array(parts) / 16)
logit = Exercise(
    "20.1",
    log_density_between,
    {"x": between},
    hint="f is log x - log(1 - x). Its derivative is a sum of two fractions; bring them on one denominator.",
    mistakes={
        "no derivative": Mistake(
            lambda x: standard_normal(np.log(x / (1 - x))),
            "This is the density of z at f(x); the interval around x has another length there.",
        ),
        "divided by f'": Mistake(
            lambda x: standard_normal(np.log(x / (1 - x))) + np.log(x * (1 - x)),
            "You divide by the derivative of f: where f stretches, more probability falls on a piece of x, not less.",
        ),
        "not the logarithm": Mistake(
            lambda x: standard_normal(np.log(x / (1 - x))) + 1 / (x * (1 - x)),
            "The derivative multiplies the density: in log p(x) stands its logarithm.",
        ),
        "half of the derivative": Mistake(
            lambda x: standard_normal(np.log(x / (1 - x))) - np.log(x), "log(1 - x) depends on x as well."
        ),
        "no factor": Mistake(
            lambda x: -(np.log(x / (1 - x)) ** 2) / 2 - np.log(x * (1 - x)),
            "The density of N(0, 1) has a factor in front.",
        ),
    },
)


# %% [markdown] 20.2 A coupling, run backwards
# A coupling whose **second** half stays, and which shifts first: $y_2 = x_2$, $y_1 = (x_1 + t(x_2)) \odot e^{s(x_2)}$.
# Write the way back, and the logarithm of the determinant of *that* step, $y \to x$.
# %% 20.2
def undo(y, network):
    """x and log |det dx/dy|, (n,); y: (n, 2 d); network(h) gives (s, t), each (n, d)."""
    y1, y2 = np.split(y, 2, axis=1)
    ### BEGIN SOLUTION
    s, t = network(y2)
    x1 = y1 * np.exp(-s) - t
    return np.concatenate([x1, y2], axis=1), -np.sum(s, axis=1)
    ### END SOLUTION


# %%
class Tiny:
    """A network with two matrices: s = h S, t = h T + 1."""

    def __init__(self, S, T):
        self.S, self.T = S, T

    def __call__(self, h):
        return h @ self.S, h @ self.T + 1

    def __eq__(self, other):  # the engine asks whether an argument was changed
        return np.array_equal(self.S, other.S) and np.array_equal(self.T, other.T)

    def __repr__(self):
        return f"(h -> s = h @ {in_words(self.S)}, t = h @ {in_words(self.T)} + 1)"


@st.composite
def couplings(draw):
    d = draw(st.integers(1, 2))
    network = Tiny(draw(matrices(d, d, -1, 1)), draw(matrices(d, d, -1, 1)))
    return {"y": draw(matrices(draw(st.integers(1, 2)), 2 * d, -2, 2)), "network": network}


def undone(x1_of, log_det, halves=lambda y1, y2: y2):
    def answer(y, network):
        y1, y2 = np.split(y, 2, axis=1)
        s, t = network(halves(y1, y2))
        return np.concatenate([x1_of(y1, s, t), y2], axis=1), log_det(s)

    return answer


def right_x1(y1, s, t):
    return y1 * np.exp(-s) - t


def right_log_det(s):
    return -np.sum(s, axis=1)


coupling = Exercise(
    "20.2",
    undo,
    couplings(),
    hint="What was done last is undone first. And the determinant of the way back is 1 over that of the way there.",
    mistakes={
        "wrong order": Mistake(
            undone(lambda y1, s, t: (y1 - t) * np.exp(-s), right_log_det),
            "What was done last must be undone first: here the stretching came last.",
        ),
        "reads the first half": Mistake(
            undone(right_x1, right_log_det, lambda y1, y2: y1),
            "The network must read the half that stayed: the second.",
        ),
        "determinant of the way there": Mistake(
            undone(right_x1, lambda s: np.sum(s, axis=1)),
            "x is right. This is log |det dy/dx|; asked for is that of y -> x.",
        ),
        "over the batch": Mistake(
            undone(right_x1, lambda s: -np.sum(s)), "x is right. Each example has a determinant of its own."
        ),
        "forwards": Mistake(
            undone(lambda y1, s, t: (y1 + t) * np.exp(s), right_log_det),
            "This is the step x -> y once more, not the way back.",
        ),
    },
)


# %% [markdown] 20.3 The best linear flow
# Let $f(x) = A x + b$ with an invertible $A$. Show that the least NLL it can reach is that of the fitted Gaussian.
# Which $A$ and $b$ reach it? Give **one** pair for data with mean $m$ and covariance $S$ (any other right pair passes
# too: what is compared is the mean of $z$ and its covariance).
# %% 20.3
def best_linear(m, S):
    """(A, b): A of shape (d, d), b (d,); m: (d,), S: (d, d), positive definite."""
    ### BEGIN SOLUTION
    A = np.linalg.inv(np.linalg.cholesky(S))
    return A, -A @ m
    ### END SOLUTION


# %%
@st.composite
def gaussians(draw):
    d = draw(st.integers(1, 2))
    root = draw(matrices(d, d, -1, 1))
    return {"m": draw(vectors(d, -2, 2)), "S": root @ root.T + 0.5 * np.eye(d)}


def in_z(answer, m, S):
    """Mean and covariance of z = A x + b."""
    found = answer(m, S)
    if found is None:
        return None
    A, b = found
    return np.round(A @ m + b, 9), np.round(A @ S @ np.transpose(A), 9) + 0


linear = Exercise(
    "20.3",
    best_linear,
    gaussians(),
    apply=in_z,
    hint="z must have mean 0 and covariance I: A S A^T = I. np.linalg.cholesky(S) gives an L with L L^T = S.",
    mistakes={
        "cholesky itself": Mistake(
            lambda m, S: (np.linalg.cholesky(S), -np.linalg.cholesky(S) @ m),
            "This A makes data of noise; f is to make noise of data.",
        ),
        "inverse of S": Mistake(
            lambda m, S: (np.linalg.inv(S), -np.linalg.inv(S) @ m),
            "Then z has the covariance of S inverted. A enters twice, on both sides of S.",
        ),
        "mean subtracted": Mistake(
            lambda m, S: (best_linear(m, S)[0], -m), "A is right. b is added *after* A: the mean of A x is A m."
        ),
        "mean added": Mistake(
            lambda m, S: (best_linear(m, S)[0], best_linear(m, S)[0] @ m),
            "A is right. The mean of z must come out as 0; mind the sign of b.",
        ),
        "each coordinate": Mistake(
            lambda m, S: (np.diag(1 / np.sqrt(np.diag(S))), -m / np.sqrt(np.diag(S))),
            "The variances are 1, but the coordinates of z are still correlated.",
        ),
    },
)


# %% [markdown] 20.4 Bits of a pixel
# Papers report *bits a dimension*: the NLL of the pixel **values** 0 … 255, dequantised, divided by the number of
# pixels, in bits. Your flow was trained on $(v + u) / 256$ ($v$ a value, $u$ uniform in $[0, 1)$) with $d$ numbers an
# example and gives the NLL of those, in nats. Convert it.
# %% 20.4
def bits_per_dimension(nll, d):
    """From the NLL of one example in nats, on the scale of (v + u) / 256; d numbers."""
    ### BEGIN SOLUTION
    return (nll / d + np.log(256)) / np.log(2)
    ### END SOLUTION


# %%
bits = Exercise(
    "20.4",
    bits_per_dimension,
    {"nll": numbers(-100, 100), "d": st.integers(1, 16)},
    hint="Dividing by 256 is a change of variables as well: what does it do to each of the d densities?",
    mistakes={
        "scale forgotten": Mistake(
            lambda nll, d: nll / d / np.log(2),
            "The values were divided by 256: that squeezes them, and raises the density.",
        ),
        "scale the wrong way": Mistake(
            lambda nll, d: (nll / d - np.log(256)) / np.log(2),
            "On the wider scale 0 … 256 the same probability is spread more thinly: the NLL is larger there.",
        ),
        "nats": Mistake(lambda nll, d: nll / d + np.log(256), "These are nats; asked for are bits."),
        "scale once": Mistake(
            lambda nll, d: (nll + np.log(256)) / d / np.log(2),
            "Each of the d numbers was divided by 256, not one of them.",
        ),
        "whole example": Mistake(
            lambda nll, d: (nll + d * np.log(256)) / np.log(2), "This is for the whole example; divide by its numbers."
        ),
    },
)


# %% [markdown] 20.5 A cheap layer that mixes all
# Couplings leave half of the numbers as they are; Glow mixes them in between by a matrix. Give it as $x = L\,(U z)$
# with a lower triangular $L$, whose diagonal is 1, and an upper triangular $U$. Write the layer in this direction, and
# its log-determinant, one number for all examples, without any `det` or `slogdet`.
# %% 20.5
def mix(z, L, U):
    """(x, log |det dx/dz|), the second a number; z: (n, d), a row for each example."""
    ### BEGIN SOLUTION
    return z @ (L @ U).T, np.sum(np.log(np.abs(np.diag(U))))
    ### END SOLUTION


# %%
@st.composite
def triangular(draw):
    d = draw(st.integers(1, 3))
    diagonal = st.sampled_from((-2.0, -0.5, 0.5, 2.0, 3.0))
    U = np.triu(draw(matrices(d, d, -1, 1)), 1) + np.diag([draw(diagonal) for _ in range(d)])
    return {
        "z": draw(matrices(draw(st.integers(1, 2)), d, -2, 2)),
        "L": np.tril(draw(matrices(d, d, -1, 1)), -1) + np.eye(d),
        "U": U,
    }


def log_diagonal(U):
    return np.sum(np.log(np.abs(np.diag(U))))


def without_abs(z, L, U):
    with np.errstate(all="ignore"):
        return z @ (L @ U).T, np.sum(np.log(np.diag(U)))


mixing = Exercise(
    "20.5",
    mix,
    triangular(),
    hint="The determinant of a product is the product of the determinants; that of a triangle stands on its diagonal.",
    mistakes={
        "no absolute value": Mistake(without_abs, "x is right. Numbers below 0 have no logarithm: |det| is asked for."),
        "product": Mistake(
            lambda z, L, U: (z @ (L @ U).T, np.abs(np.prod(np.diag(U)))),
            "x is right. This is |det|; its logarithm is asked for.",
        ),
        "other order": Mistake(
            lambda z, L, U: (z @ (U @ L).T, log_diagonal(U)), "The determinant is right. U acts first on z, then L."
        ),
        "rows and columns": Mistake(
            lambda z, L, U: (z @ (L @ U), log_diagonal(U)),
            "The determinant is right. The examples are rows here: what must become of a matrix that acts on columns?",
        ),
        "sum of all": Mistake(
            lambda z, L, U: (z @ (L @ U).T, np.log(np.abs(np.diag(U).sum() or 1))),
            "x is right. The determinant is the *product* of the diagonal.",
        ),
    },
)


# %% [markdown] 20.6 The same half, always
# Let the same coordinate of the moons, $x_1$, stay in every coupling. What can the flow still learn? Derive what
# $p(x_1)$ and $p(x_2 \mid x_1)$ will be, **predict** the picture, then train it and draw samples.
# %%
same_half = Exercise(
    "20.6",
    hint="What becomes of the coordinate that stays? And what are two affine maps of x_2 in a row, given x_1?",
    expected=(
        "The coordinate that stays is a coordinate of z: its density remains N(0, 1), whatever "
        "the data say. Affine maps in a row are one "
        "affine map, so given x_1 the other coordinate is a single Gaussian whose mean "
        "and width depend on x_1: one bent band. "
        "Where two moons lie above each other it must cover both and the gap between them; more couplings do not help."
    ),
)

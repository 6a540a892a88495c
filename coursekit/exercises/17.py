"""Exercises of notebook 17, variational autoencoders."""

import numpy as np
from hypothesis import strategies as st

from coursekit.exercises.exercise import Exercise, Mistake, numbers, vectors


# %% [markdown] 17.1 Two Gaussians
# The closed form of the KL divergence compares $q = N(m, \operatorname{diag} \sigma^2)$ with $N(0, I)$. Derive it for
# *any* second Gaussian $p = N(\mu, \operatorname{diag} \tau^2)$:
# $\operatorname{KL}(q \,\Vert\, p) = \mathbb{E}_q [\log q(z) - \log p(z)]$. (With $\mu = 0$, $\tau = 1$ the
# notebook's must come out.)
# %% 17.1
def kl_of_two(mean, log_variance, prior_mean, prior_log_variance):
    """KL(q || p) in nats, a number; all four (units,); log_variance is log sigma^2 of q."""
    ### BEGIN SOLUTION
    log_ratio = log_variance - prior_log_variance
    far = (mean - prior_mean) ** 2 / np.exp(prior_log_variance)
    return 0.5 * np.sum(far + np.exp(log_ratio) - 1 - log_ratio)
    ### END SOLUTION


# %%
@st.composite
def two_gaussians(draw):
    n = draw(st.integers(1, 3))
    names = ("mean", "log_variance", "prior_mean", "prior_log_variance")
    return {name: draw(vectors(n, -2, 2)) for name in names}


def to_standard(mean, log_variance, prior_mean, prior_log_variance):
    return 0.5 * np.sum(mean**2 + np.exp(log_variance) - 1 - log_variance)


def own_width(mean, log_variance, prior_mean, prior_log_variance):
    log_ratio = log_variance - prior_log_variance
    return 0.5 * np.sum((mean - prior_mean) ** 2 + np.exp(log_ratio) - 1 - log_ratio)


two = Exercise(
    "17.1",
    kl_of_two,
    two_gaussians(),
    hint=(
        "Under q, z - mu has the mean square sigma^2 + (m - mu)^2. The rest are "
        "logarithms of the two densities' factors."
    ),
    mistakes={
        "standard prior": Mistake(to_standard, "This is the divergence from N(0, I), whatever the second Gaussian is."),
        "other way round": Mistake(
            lambda m, v, mu, w: kl_of_two(mu, w, m, v), "This is KL(p || q): the mean must be taken under q, not p."
        ),
        "distance of the means": Mistake(
            own_width, "How far apart the means are counts in units of the second Gaussian's width."
        ),
        "no half": Mistake(lambda *given: 2 * kl_of_two(*given), "Both densities have a half in their exponents."),
        "mean over units": Mistake(
            lambda *given: kl_of_two(*given) / len(given[0]), "The logarithms of the units' densities add up: no mean."
        ),
    },
)


# %% [markdown] 17.2 The trick for other distributions
# Any distribution with a known inverse $F^{-1}$ of its distribution function can be reparametrised: $z = F^{-1}(u)$
# with $u$ uniform in (0, 1). For the exponential distribution with mean $s$, $F(z) = 1 - e^{-z/s}$. Write $z$ and
# $\partial z / \partial s$.
# %% 17.2
def exponential(s, u):
    """(z, dz/ds), each (n,), for s > 0 and u, (n,)."""
    ### BEGIN SOLUTION
    slope = -np.log(1 - u)
    return s * slope, slope
    ### END SOLUTION


# %%
uniform = st.lists(st.integers(1, 7), min_size=1, max_size=3).map(lambda eighths: np.array(eighths) / 8)
inverse = Exercise(
    "17.2",
    exponential,
    {"s": numbers(0.5, 4), "u": uniform},
    hint="Solve u = 1 - exp(-z / s) for z. What of it depends on s, and how?",
    mistakes={
        "falling": Mistake(
            lambda s, u: (-s * np.log(u), -np.log(u)),
            "That has the right distribution, but it is not the inverse of F: a larger u must give a larger z.",
        ),
        "rate": Mistake(
            lambda s, u: (-np.log(1 - u) / s, np.log(1 - u) / s**2), "Your z has the mean 1 / s; s is the mean itself."
        ),
        "density": Mistake(
            lambda s, u: (np.exp(-u / s) / s, np.exp(-u / s) * (u - s) / s**3),
            "This is the density at u, not a draw: which z has the share u of the probability below it?",
        ),
        "no slope": Mistake(
            lambda s, u: (-s * np.log(1 - u), np.zeros(len(u))), "z is right. u does not depend on s, but z does."
        ),
    },
)


# %% [markdown] 17.3 Grey pixels, a Gaussian decoder
# Let $p(x \mid z) = N(f(z), s^2 I)$, $f(z)$ the decoder's image, in place of ink or no ink. Write the ELBO of one image
# for one sample, constants and all. Multiply it by $s^2$: which $\beta$ on the KL term does the scale stand for?
# %% 17.3
def gaussian_elbo(x, f, mean, log_variance, s):
    """In nats; x and the decoder's f: (pixels,); mean, log_variance of q: (units,); s > 0."""
    kl = 0.5 * np.sum(mean**2 + np.exp(log_variance) - 1 - log_variance)
    ### BEGIN SOLUTION
    reconstruction = -np.sum((x - f) ** 2) / (2 * s**2) - len(x) / 2 * np.log(2 * np.pi * s**2)
    return reconstruction - kl
    ### END SOLUTION


# %%
@st.composite
def grey_images(draw):
    pixels, units = draw(st.integers(1, 3)), draw(st.integers(1, 2))
    return {
        "x": draw(vectors(pixels, 0, 1)),
        "f": draw(vectors(pixels, 0, 1)),
        "mean": draw(vectors(units, -2, 2)),
        "log_variance": draw(vectors(units, -2, 2)),
        "s": draw(numbers(0.5, 2)),
    }


def with_terms(squares, constant, sign=-1):
    def answer(x, f, mean, log_variance, s):
        kl = 0.5 * np.sum(mean**2 + np.exp(log_variance) - 1 - log_variance)
        return -squares((x - f) ** 2, s) - constant(len(x), s) + sign * kl

    return answer


def of_each_pixel(n, s):
    return n / 2 * np.log(2 * np.pi * s**2)


gaussian = Exercise(
    "17.3",
    gaussian_elbo,
    grey_images(),
    hint="The logarithm of a Gaussian density, once for each pixel; the pixels' logarithms add up.",
    mistakes={
        "no constant": Mistake(
            with_terms(lambda d, s: np.sum(d) / (2 * s**2), lambda n, s: 0),
            "The factor in front of the exponential has a logarithm too, and it depends on s.",
        ),
        "constant once": Mistake(
            with_terms(lambda d, s: np.sum(d) / (2 * s**2), lambda n, s: of_each_pixel(1, s)),
            "Every pixel brings the factor in front of the exponential, not the image as a whole.",
        ),
        "s not squared": Mistake(
            with_terms(lambda d, s: np.sum(d) / (2 * s), of_each_pixel), "The exponent has the variance in it."
        ),
        "KL added": Mistake(
            with_terms(lambda d, s: np.sum(d) / (2 * s**2), of_each_pixel, sign=1),
            "The KL term is a charge: it is taken away from the reconstruction.",
        ),
        "mean of pixels": Mistake(
            with_terms(lambda d, s: np.mean(d) / (2 * s**2), of_each_pixel),
            "The sum over the pixels, not their mean: their logarithms add up.",
        ),
    },
)


# %% [markdown] 17.4 The bound by K samples
# Write $\log \frac1K \sum_k \frac{p(x \mid z_k)\, p(z_k)}{q(z_k \mid x)}$ from the logarithms of numerator and
# denominator. For images the numerator's is far below 0, like $-1000$: no exponential may become 0 on the way. Then
# show by Jensen's inequality that with $K = 2$ the bound is, on average, never below that with $K = 1$.
# %% 17.4
def bound_by_samples(log_joint, log_q):
    """In nats; log p(x|z_k) + log p(z_k) and log q(z_k|x) of the samples, each (K,)."""
    ### BEGIN SOLUTION
    log_weight = log_joint - log_q
    top = log_weight.max()
    return top + np.log(np.mean(np.exp(log_weight - top)))
    ### END SOLUTION


# %%
@st.composite
def weighted_samples(draw):
    K = draw(st.integers(1, 4))
    low = draw(st.sampled_from((-5, -1000)))
    return {"log_joint": draw(vectors(K, low, low + 5)), "log_q": draw(vectors(K, -3, 3))}


def vanishing(log_joint, log_q):
    with np.errstate(all="ignore"):
        return np.log(np.mean(np.exp(log_joint) / np.exp(log_q)))


samples = Exercise(
    "17.4",
    bound_by_samples,
    weighted_samples(),
    hint="Take the largest logarithm out of the sum, as in the cross-entropy of exercise 03.2.",
    mistakes={
        "vanishes": Mistake(
            vanishing, "exp(-1000) is 0 for a computer: take the largest logarithm out of the sum first."
        ),
        "ELBO": Mistake(
            lambda log_joint, log_q: np.mean(log_joint - log_q),
            "This is the mean of the logarithms, the ELBO; asked for is the logarithm of the mean.",
        ),
        "sum": Mistake(
            lambda log_joint, log_q: bound_by_samples(log_joint, log_q) + np.log(len(log_q)),
            "The 1/K is missing: more samples would always seem better.",
        ),
        "times q": Mistake(
            lambda log_joint, log_q: bound_by_samples(log_joint, -log_q), "The samples come from q: divide by it."
        ),
        "best sample": Mistake(
            lambda log_joint, log_q: np.max(log_joint - log_q), "The largest weight alone is not the mean of all."
        ),
    },
)


# %% [markdown] 17.5 The posterior that can be had
# One hidden number, $z \sim N(0, 1)$, and a linear decoder, $x \mid z \sim N(w z, s^2)$. Derive $p(z \mid x)$: a
# Gaussian whose mean and variance you can read off the exponent. With this $q$ the ELBO *is* $\log p(x)$. What does
# $p(z \mid x)$ tend to for $w \to 0$: which code is that?
# %% 17.5
def posterior_of_code(x, w, s):
    """(mean, variance) of p(z|x)."""
    ### BEGIN SOLUTION
    variance = 1 / (1 + w**2 / s**2)
    return variance * w * x / s**2, variance
    ### END SOLUTION


# %%
inverted = Exercise(
    "17.5",
    posterior_of_code,
    {"x": numbers(-2, 2), "w": st.one_of(numbers(-2, -0.5), numbers(0.5, 2)), "s": numbers(0.5, 2)},
    hint="Collect what multiplies z^2 and what multiplies z in (x - w z)^2 / s^2 + z^2, and complete the square.",
    mistakes={
        "no prior": Mistake(
            lambda x, w, s: (x / w, s**2 / w**2),
            "This forgets the prior: it, too, pulls z towards 0 and narrows p(z|x).",
        ),
        "standard deviation": Mistake(
            lambda x, w, s: (posterior_of_code(x, w, s)[0], np.sqrt(posterior_of_code(x, w, s)[1])),
            "The mean is right; the second is the standard deviation, not the variance.",
        ),
        "of x": Mistake(
            lambda x, w, s: (0.0, w**2 + s**2), "This is the distribution of x when z is not known: p(x), not p(z|x)."
        ),
        "w forgotten": Mistake(
            lambda x, w, s: (x / (w**2 + s**2), posterior_of_code(x, w, s)[1]),
            "The variance is right. If w changes its sign, so must the mean.",
        ),
    },
)


# %% [markdown] 17.6 The scale acts like β
# Train the notebook's model with a Gaussian likelihood (exercise 17.3) of scale 0.1 and of scale 1 (in
# `VariationalAutoencoder` the options `likelihood="gaussian", scale=0.1`). What happens to the KL term and to the squared
# error of the reconstructions?
# %%
scales = Exercise(
    "17.6",
    hint="By which factor does the squared error weigh more at scale 0.1 than at scale 1?",
    expected=(
        "At scale 0.1 the squared error weighs a hundred times as much as at scale 1, so the scale acts like beta = s^2. With 0.1 "
        "the code says more (a larger KL) and the squared error is smaller; with 1 a nat must save a squared error of 2 to be worth its price, "
        "so the KL is smaller and the images are more blurred."
    ),
)

"""Exercises of notebook 03, losses and risk."""

import numpy as np
from hypothesis import strategies as st

from coursekit.exercises.exercise import Exercise, Mistake, numbers, vectors


# %% [markdown] 03.1 The loss of heavy tails
# The squared error is the negative log-likelihood of a Gaussian. Laplace's noise has the density
# $p(y \mid f) = \frac{1}{2s} e^{-|y - f| / s}$. Write *its* mean negative log-likelihood, with the natural logarithm (its
# unit is the *nat*). It has *heavy tails*: large errors are far more probable than under a Gaussian. Which errors does it therefore
# punish less than the squared error does?
# %% 03.1
def laplace_loss(y, f, s):
    """The mean of -log p(y | f) over the examples, in nats; y, f: (n,); s > 0."""
    ### BEGIN SOLUTION
    return np.mean(np.abs(y - f) / s + np.log(2 * s))
    ### END SOLUTION


# %%
@st.composite
def fits(draw):
    n = draw(st.integers(1, 3))
    return {"y": draw(vectors(n)), "f": draw(vectors(n)), "s": draw(numbers(0.5, 3))}


laplace = Exercise(
    "03.1",
    laplace_loss,
    fits(),
    hint="Take the logarithm of the density first: it has two terms, and only one of them holds the data. "
    "For the last question compare |y - f| and (y - f)^2 at errors of 0.1 and of 10.",
    mistakes={
        "no constant": Mistake(
            lambda y, f, s: np.mean(np.abs(y - f) / s), "The factor 1 / (2s) of the density has a logarithm too."
        ),
        "sum": Mistake(
            lambda y, f, s: np.sum(np.abs(y - f) / s + np.log(2 * s)),
            "The mean over the examples is asked for, not the sum.",
        ),
        "log-likelihood": Mistake(
            lambda y, f, s: -np.mean(np.abs(y - f) / s + np.log(2 * s)),
            "A loss is to be made small: minus the logarithm.",
        ),
        "squared": Mistake(
            lambda y, f, s: np.mean((y - f) ** 2 / s + np.log(2 * s)), "Laplace's density has |y - f|, not its square."
        ),
    },
)


# %% [markdown] 03.2 Cross-entropy from scores
# $\ell = -\log \psi(a)_y$ with the softmax $\psi$. Write it from the scores $a$, so that no score, however large, gives infinity or NaN.
# %% 03.2
def cross_entropy(a, y):
    """-log softmax(a)[y] in nats; a: scores (classes,), y: the true class."""
    ### BEGIN SOLUTION
    top = a.max()
    return top + np.log(np.sum(np.exp(a - top))) - a[y]
    ### END SOLUTION


# %%
@st.composite
def scores(draw):
    far = st.lists(st.sampled_from((0.0, 1000.0)), min_size=2, max_size=4).map(np.array)
    a = draw(st.one_of(vectors(), vectors(low=900, high=1000), far))
    return {"a": a, "y": draw(st.integers(0, len(a) - 1))}


def naive(a, y):
    with np.errstate(all="ignore"):
        return -np.log(np.exp(a[y]) / np.exp(a).sum())


def log_of_zero(a, y):
    e = np.exp(a - a.max())
    with np.errstate(all="ignore"):
        return -np.log(e[y] / e.sum())


entropy = Exercise(
    "03.2",
    cross_entropy,
    scores(),
    hint="log of a quotient is a difference of logarithms. Which number may be taken out of the sum of exponentials?",
    mistakes={
        "overflow": Mistake(naive, "exp of a large score is infinite: take the largest score out of the sum first."),
        "log of zero": Mistake(
            log_of_zero, "A probability may round to 0, and its logarithm is infinite: take the logarithm apart first."
        ),
        "sign": Mistake(lambda a, y: -cross_entropy(a, y), "A loss is never negative here: mind the minus."),
        "shift not added back": Mistake(
            lambda a, y: np.log(np.sum(np.exp(a - a.max()))) - a[y],
            "The largest score was subtracted in the sum; it must come back outside of it.",
        ),
        "the largest, not the true class": Mistake(
            lambda a, y: cross_entropy(a, int(np.argmax(a))), "It looks at the class with the largest score, not at y."
        ),
    },
)


# %% [markdown] 03.3 Soft thresholding, derived
# Minimise $\frac{1}{2\varepsilon}(v - w)^2 + \lambda |v|$ over $v$: once for $v > 0$, once for $v < 0$; what is left is $v = 0$.
# %% 03.3
def soft_threshold(w, threshold):
    """The minimiser at every w, (n,), for threshold = epsilon lambda >= 0."""
    ### BEGIN SOLUTION
    return np.sign(w) * np.maximum(np.abs(w) - threshold, 0)
    ### END SOLUTION


# %%
soft = Exercise(
    "03.3",
    soft_threshold,
    {"w": vectors(), "threshold": numbers(0, 3)},
    hint="For v > 0 the derivative is (v - w) / epsilon + lambda. Where is it 0, and is that v positive?",
    mistakes={
        "hard": Mistake(
            lambda w, threshold: np.where(np.abs(w) > threshold, w, 0.0),
            "This keeps the large ones as they are (hard thresholding); the penalty pulls at them as well.",
        ),
        "positive only": Mistake(
            lambda w, threshold: np.maximum(w - threshold, 0), "Negative w are pulled towards 0 from the other side."
        ),
        "past zero": Mistake(lambda w, threshold: w - threshold * np.sign(w), "Small w must stop at 0, not pass it."),
        "sign lost": Mistake(lambda w, threshold: np.maximum(np.abs(w) - threshold, 0), "The sign of w is lost."),
    },
)


# %% [markdown] 03.4 Both penalties
# The *elastic net* adds $\lambda_1 |v| + \frac{\lambda_2}{2} v^2$. Minimise $\frac{1}{2\varepsilon}(v - w)^2 + \lambda_1 |v| + \frac{\lambda_2}{2} v^2$
# over $v$. Then try it: make $x$ of two features, the second one the first plus 0.1 times standard normal noise, and $y$ twice the
# first plus noise of standard deviation 0.5. Copy `lasso` with `d = 2` and 30,000 steps, once with soft thresholding at
# $\lambda = 0.3$, once with your step at $\lambda_1 = \lambda_2 = 0.3$. Which of the two gives both features nearly the same weight?
# %% 03.4
def elastic_step(w, rate, l1, l2):
    """The minimiser at every w, (n,); rate is epsilon > 0, l1 and l2 the penalties >= 0."""
    ### BEGIN SOLUTION
    return np.sign(w) * np.maximum(np.abs(w) - rate * l1, 0) / (1 + rate * l2)
    ### END SOLUTION


# %%
elastic = Exercise(
    "03.4",
    elastic_step,
    {"w": vectors(), "rate": numbers(0.25, 2), "l1": numbers(0, 2), "l2": numbers(0, 2)},
    hint="For v > 0: (v - w) / epsilon + lambda_1 + lambda_2 v = 0. Solve it for v. The squared "
    "penalty is smallest when two nearly equal features share the weight; the first does not care how they share it.",
    mistakes={
        "not divided": Mistake(
            lambda w, rate, l1, l2: soft_threshold(w, rate * l1), "The second penalty has no effect."
        ),
        "rate forgotten": Mistake(
            lambda w, rate, l1, l2: soft_threshold(w, rate * l1) / (1 + l2),
            "The second penalty, too, counts times the rate.",
        ),
        "factor 2": Mistake(
            lambda w, rate, l1, l2: soft_threshold(w, rate * l1) / (1 + 2 * rate * l2),
            "The derivative of half a square has no factor 2.",
        ),
        "subtracted": Mistake(
            lambda w, rate, l1, l2: soft_threshold(w, rate * l1) * (1 - rate * l2),
            "That is a step of gradient descent on the second penalty, not the minimum.",
        ),
    },
)


# %% [markdown] 03.5 Ten times the data
# In "A hundred samples, sixteen degrees" write `sample(300)` for `sample(30)`. Run that cell and the next two with code; from the second,
# which draws (unfold it), take out the four calls of `claim`, the last seven lines: they are for 30 points with noise. At which degree is the
# error on new points smallest now? And without noise (write 0 for 0.3 in `sample` and run that cell, too)?
# %%
more = Exercise(
    "03.5",
    hint="What did the high degrees fit, when there were 30 points?",
    expected=(
        "With 300 points the error of high degrees hardly rises: there is too much noise to fit for so few coefficients. "
        "The minimum is flat, and still near degree 5, which is all that this sine needs. Without noise nothing is left to "
        "overfit: the error falls all the way, at each odd degree, for the sine is odd and an even power adds nothing."
    ),
)

"""Exercises of notebook 05, stochastic gradient descent."""

import numpy as np
from hypothesis import strategies as st

from coursekit.exercises.exercise import Exercise, Mistake, matrices, numbers, vectors

# %% [markdown] 05.1 From side to side
# On the bowl with the curvatures $\kappa = (1, 10)$ gradient descent can do three things in the steep direction. Choose a constant
# learning rate with which $\theta_2$ changes its **sign at every step** and still goes to 0, while $\theta_1$ goes to 0 without
# changing its sign.
# %% 05.1
zigzag = ...  # a learning rate
### BEGIN SOLUTION
zigzag = 0.15
### END SOLUTION


# %%
def walk(epsilon):
    """What becomes of theta_1 and of theta_2, in words."""
    return tuple(manner(1 - float(epsilon) * curvature) for curvature in (1, 10))


def manner(factor):
    way = "from side to side" if factor < 0 else "on one side"
    if abs(factor) >= 1:
        return f"does not go to 0, {way}"
    return "is there in one step" if factor == 0 else f"goes to 0 {way}"


sides = Exercise(
    "05.1",
    zigzag,
    apply=walk,
    hint="Each coordinate is multiplied by 1 - epsilon kappa at every step. Which factors are negative, and still shrink?",
    mistakes={
        "on one side": Mistake(0.05, "With this rate the factor 1 - 10 epsilon is positive: no change of sign."),
        "at once": Mistake(0.1, "Here the steep factor is 0: one step and it has arrived. A little more, please."),
        "diverges": Mistake(0.21, "The steep factor is -1 or below: it changes its sign, and does not shrink."),
        "uphill": Mistake(-0.15, "A learning rate is positive: this one climbs, or stands still if it is 0."),
    },
)


# %% [markdown] 05.2 The best constant rate
# A bowl has curvatures between $\kappa_{\min}$ and $\kappa_{\max}$; the slowest direction decides how fast it converges. For which
# constant $\varepsilon$ is the largest $|1 - \varepsilon \kappa|$ smallest? Derive it. Then look at the notebook's sweep: where is SGD's
# lowest point?
# %% 05.2
def best_rate(low, high):
    """The learning rate; low, high: smallest and largest curvature, 0 < low <= high."""
    ### BEGIN SOLUTION
    return 2 / (low + high)
    ### END SOLUTION


# %%
@st.composite
def curvatures(draw):
    low = draw(numbers(0.25, 4))
    return {"low": low, "high": low + draw(numbers(0, 20))}


balance = Exercise(
    "05.2",
    best_rate,
    curvatures(),
    hint="Draw |1 - epsilon low| and |1 - epsilon high| against epsilon. Where do they cross?",
    mistakes={
        "the limit": Mistake(
            lambda low, high: 2 / high,
            "At this rate the steep direction swings for ever: it is the limit, not the best.",
        ),
        "no zigzag": Mistake(
            lambda low, high: 1 / high,
            "The steep direction arrives at once, but the flat one is still slow: go further.",
        ),
        "one over the mean": Mistake(
            lambda low, high: 1 / (low + high), "The two factors are not yet equally large: try it with low = high."
        ),
        "geometric mean": Mistake(
            lambda low, high: 1 / np.sqrt(low * high), "The two factors are straight lines in epsilon: no root appears."
        ),
    },
)


# %% [markdown] 05.3 How large a batch?
# The noise of a batch's gradient, drawn without replacement, is $\frac{\sigma}{\sqrt m} \sqrt{\frac{n - m}{n - 1}}$. How many of the $n$ examples
# must a batch have, at least, for a noise of at most $\sigma / k$? Solve for $m$.
# %% 05.3
def batch_size(n, k):
    """The smallest whole m; n: examples; k >= 2: how many times smaller the noise is."""
    ### BEGIN SOLUTION
    return int(np.ceil(n * k**2 / (n - 1 + k**2)))
    ### END SOLUTION


# %%
def whole(case):
    """Whether m comes out whole, so that rounding errors would decide."""
    return case["n"] * case["k"] ** 2 % (case["n"] - 1 + case["k"] ** 2) == 0


noise = Exercise(
    "05.3",
    batch_size,
    st.fixed_dictionaries({"n": st.integers(5, 2000), "k": st.integers(2, 20)}).filter(lambda case: not whole(case)),
    hint="Square both sides, multiply by m (n - 1), and collect what has an m in it. Then round up.",
    mistakes={
        "with replacement": Mistake(
            lambda n, k: k**2, "That is what it takes with replacement; the second root is smaller than 1."
        ),
        "with replacement, at most all": Mistake(
            lambda n, k: min(k**2, n), "The second root is missing: it makes up for a part of the batch."
        ),
        "rounded down": Mistake(
            lambda n, k: n * k**2 // (n - 1 + k**2),
            "Rounded down, the batch is a little too small: the noise is above.",
        ),
        "k not squared": Mistake(
            lambda n, k: int(np.ceil(n * k / (n - 1 + k))), "The noise falls with the root of m: k comes in squared."
        ),
    },
)


# %% [markdown] 05.4 Nesterov looks ahead
# Momentum moves from $p$ to $p + v$ with $v \leftarrow \mu v - \varepsilon g$. Nesterov takes the slope $g$ not at $p$ but where the ball is about to
# roll, at $\theta = p + \mu v$. Programs keep $\theta$, not $p$. Write one step for $\theta$ and $v$: what is the new $\theta$, $p + \mu v$ with the new
# $p$ and the new $v$? (Then try it in the notebook against `keras.optimizers.SGD(0.1, momentum=0.9, nesterov=True)`, which keeps
# $\theta$ too.)
# %% 05.4
def nesterov_step(theta, v, g, epsilon, mu):
    """The new theta and the new v; theta, v and g, the slope at theta: (parameters,)."""
    ### BEGIN SOLUTION
    v = mu * v - epsilon * g
    return theta + mu * v - epsilon * g, v
    ### END SOLUTION


# %%
@st.composite
def rolling(draw):
    n = draw(st.integers(1, 3))
    vector = vectors(n, -2, 2)
    rate, share = draw(numbers(0.25, 2)), draw(st.sampled_from((0.25, 0.5, 0.75)))
    return {"theta": draw(vector), "v": draw(vector), "g": draw(vector), "epsilon": rate, "mu": share}


def nesterov_wrong(kind):
    def answer(theta, v, g, epsilon, mu):
        new = mu * v - epsilon * g
        ways = {"heavy ball": new, "old velocity": mu * v - epsilon * g + mu * v, "twice": new + mu * new}
        return theta + ways[kind], new

    return answer


ahead = Exercise(
    "05.4",
    nesterov_step,
    rolling(),
    hint="p is theta - mu v with the old v. The new p is that plus the new v; the new theta looks ahead once more.",
    mistakes={
        "heavy ball": Mistake(nesterov_wrong("heavy ball"), "This is ordinary momentum: theta must look ahead."),
        "twice": Mistake(
            nesterov_wrong("twice"), "theta is already ahead of p, by mu times the old v: take that way back first."
        ),
        "old velocity": Mistake(nesterov_wrong("old velocity"), "It looks ahead along the old v; use the new one."),
        "v forgotten": Mistake(
            lambda theta, v, g, epsilon, mu: (nesterov_step(theta, v, g, epsilon, mu)[0], v),
            "theta is right, but the v that is returned is still the old one.",
        ),
    },
)


# %% [markdown] 05.5 Adam with weight decay
# A penalty in the loss reaches Adam as a part of $g$ and is divided by $\sqrt q$ like the rest: weights with large gradients
# shrink less than the others. *AdamW* (Loshchilov and Hutter 2019) keeps it out of $g$: at each step, with $\hat v = v / (1 - \beta_1^r)$ and
# $\hat q = q / (1 - \beta_2^r)$ as in Adam,
#
# $$\theta \leftarrow \theta - \varepsilon \Big( \frac{\hat v}{\sqrt{\hat q} + \eta} + \lambda\, \theta \Big).$$
# %% 05.5
def adamw(theta, gradients, epsilon, decay, beta_1=0.9, beta_2=0.999, eta=1e-8):
    """theta, (parameters,), after all steps.

    gradients: (steps, parameters), a row for each step; decay: lambda.
    """
    ### BEGIN SOLUTION
    v = q = 0
    for r, g in enumerate(gradients, start=1):
        v = beta_1 * v + (1 - beta_1) * g
        q = beta_2 * q + (1 - beta_2) * g**2
        mean, square = v / (1 - beta_1**r), q / (1 - beta_2**r)
        theta = theta - epsilon * (mean / (np.sqrt(square) + eta) + decay * theta)
    return theta
    ### END SOLUTION


# %%
@st.composite
def descents(draw):
    gradients = draw(matrices(low=-3, high=3))
    theta = draw(vectors(gradients.shape[1], -3, 3))
    rate, decay = draw(st.sampled_from((0.125, 0.25))), draw(st.sampled_from((0.5, 1.0, 2.0)))
    return {"theta": theta, "gradients": gradients, "epsilon": rate, "decay": decay}


def adamw_wrong(kind):
    def answer(theta, gradients, epsilon, decay):
        v = q = 0
        for r, g in enumerate(gradients, start=0 if kind == "from zero" else 1):
            g = g + decay * theta if kind == "in the gradient" else g
            v, q = 0.9 * v + 0.1 * g, 0.999 * q + 0.001 * g**2
            mean, square = (v, q) if kind == "uncorrected" else (v / (1 - 0.9**r), q / (1 - 0.999**r))
            rate = 1 if kind == "without rate" else epsilon
            shrink = 0 if kind == "in the gradient" else rate * decay * theta
            theta = theta - epsilon * mean / (np.sqrt(square) + 1e-8) - shrink
        return theta

    return answer


decoupled = Exercise(
    "05.5",
    adamw,
    descents(),
    hint="Adam's three lines from the notebook; the decay comes in at the very last one, next to the fraction.",
    mistakes={
        "in the gradient": Mistake(
            adamw_wrong("in the gradient"), "The decay is part of g here: that is Adam with an L2 penalty, not AdamW."
        ),
        "without rate": Mistake(adamw_wrong("without rate"), "The decay, too, counts times the learning rate."),
        "uncorrected": Mistake(
            adamw_wrong("uncorrected"),
            "v and q started at 0 and are too small at first: divide by what they collected.",
        ),
    },
)


# %% [markdown] 05.6 Average the way
# In the Robbins-Monro experiment take $\varepsilon_r = r^{-0.6}$, and beside it the **mean of all** $\theta_1, \dots, \theta_r$ so far (Polyak and
# Juditsky 1992). Draw both errors with that of $1/r$. Which of the three are about equal at the end, and why may a rate that
# falls so slowly be useful where $1/r$ is not?
# %%
averaged = Exercise(
    "05.6",
    hint="Does r to the power of -0.6 fulfil both conditions of Robbins and Monro? And what does a mean do to noise?",
    expected=(
        "The last iterate is several times less exact than with 1/r: its rate, and with it the noise, falls too slowly. Their "
        "mean is about as exact as 1/r at the end. Large steps bring it near much sooner, whatever the curvature; the mean removes the "
        "noise. 1/r is ideal here only because the curvature is 1: with 1/10 of it, it would be far too slow."
    ),
)

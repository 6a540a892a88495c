"""Exercises of notebook 21, choosing a model."""

import numpy as np
from hypothesis import assume
from hypothesis import strategies as st

from coursekit.exercises.exercise import Exercise, Mistake, matrices, numbers


# %% [markdown] 21.1 What halving costs
# Successive halving in general: $n$ settings are trained for $r$ epochs; of them one in $q$ goes on until it has had
# $q\,r$ epochs, of these one in $q$ until $q^2 r$, and so on; the last round is that of the one that is left. How many
# epochs are trained in all? ($n$ is a power of $q$. The notebook stops one round earlier, with three.)
# %% 21.1
def epochs_in_all(n, r, q):
    """The epochs trained in all; no epoch that a setting has had is trained again."""
    ### BEGIN SOLUTION
    total, had, end = 0, 0, r
    while n >= 1:
        total += n * (end - had)
        n, had, end = n // q, end, q * end
    return total
    ### END SOLUTION


# %%
def halving(repeats=False, drop=True, least=1):
    def answer(n, r, q):
        total, had, end, left = 0, 0, r, n
        while left >= least:
            total += (left if drop else n) * (end - (0 if repeats else had))
            left, had, end = left // q, end, q * end
        return total

    return answer


@st.composite
def contests(draw):
    q = draw(st.integers(2, 3))
    return {"n": q ** draw(st.integers(0, 3)), "r": draw(st.integers(1, 3)), "q": q}


cost = Exercise(
    "21.1",
    epochs_in_all,
    contests(),
    hint="A loop over the rounds. In each, how many are left, and how many epochs are new?",
    mistakes={
        "from the start": Mistake(
            halving(repeats=True), "Whoever goes on has trained already: count only the new epochs."
        ),
        "nobody stops": Mistake(halving(drop=False), "The losers stop: fewer and fewer are trained."),
        "first round alone": Mistake(lambda n, r, q: n * r, "This is the first round; those that are left go on."),
        "winner missing": Mistake(halving(least=2), "The last one left is trained to the end as well."),
    },
)


# %% [markdown] 21.2 How many validation digits?
# The best of $M$ equal models looks better than it is, on average by at most $\sqrt{\ln M / (2n)}$ on $n$ examples. How
# many examples are enough so that this is at most $d$? And if ten times as many models are tried?
# %% 21.2
def examples_enough(M, d):
    """The smallest whole n for which the bound is at most d."""
    ### BEGIN SOLUTION
    return int(np.ceil(np.log(M) / (2 * d**2)))
    ### END SOLUTION


# %%
enough = Exercise(
    "21.2",
    examples_enough,
    {"M": st.integers(2, 1000), "d": st.sampled_from((0.01, 0.02, 0.05, 0.1))},
    hint="Square both sides, solve for n, round up.",
    mistakes={
        "not squared": Mistake(
            lambda M, d: int(np.ceil(np.log(M) / (2 * d))), "n stands under a root: what must become of d?"
        ),
        "no 2": Mistake(lambda M, d: int(np.ceil(np.log(M) / d**2)), "The 2 of the bound is lost."),
        "rounded down": Mistake(
            lambda M, d: int(np.log(M) / (2 * d**2)), "Rounded down, the bound is still a little larger than d."
        ),
        "log 10": Mistake(lambda M, d: int(np.ceil(np.log10(M) / (2 * d**2))), "ln is the natural logarithm."),
        "models for their logarithm": Mistake(
            lambda M, d: int(np.ceil(M / (2 * d**2))), "The surplus grows with the *logarithm* of the models tried."
        ),
    },
)


# %% [markdown] 21.3 How alike are the folds?
# The mean of $K$ errors with variance $\sigma^2$ each and correlation $\rho$ has the variance
# $\frac{\sigma^2}{K} (1 + (K - 1) \rho)$. With a bank you have seen how the mean *really* scatters. Which $\rho$ is
# that? Put in `really["50 random splits"]` of the notebook, a standard deviation, and the **root** of
# `variance["50 random splits"]`, with $K = 50$. (What splits of *one* data set show, `variance`, is only
# $(1 - \rho)\,\sigma^2$: so $\rho$ comes out a little too large.)
# %% 21.3
def correlation_of_folds(scatter, sigma, K):
    """rho; scatter: standard deviation of the mean, sigma: that of one error; K > 1."""
    ### BEGIN SOLUTION
    return (K * scatter**2 / sigma**2 - 1) / (K - 1)
    ### END SOLUTION


# %%
alike = Exercise(
    "21.3",
    correlation_of_folds,
    {"scatter": numbers(0.25, 2), "sigma": numbers(0.5, 3), "K": st.integers(2, 50)},
    hint="Both are standard deviations: square them, then solve for rho.",
    mistakes={
        "deviations": Mistake(
            lambda scatter, sigma, K: (K * scatter / sigma - 1) / (K - 1), "The formula is about variances: squares."
        ),
        "K for K - 1": Mistake(
            lambda scatter, sigma, K: (K * scatter**2 / sigma**2 - 1) / K, "There are K - 1 others to be alike, not K."
        ),
        "many folds": Mistake(
            lambda scatter, sigma, K: scatter**2 / sigma**2, "This holds only for very many folds; here K is known."
        ),
        "1 kept": Mistake(
            lambda scatter, sigma, K: K * scatter**2 / sigma**2 / (K - 1), "Independent errors must give 0, not more."
        ),
    },
)


# %% [markdown] 21.4 How many digits to tell them apart?
# On a share $\beta$ of the digits only the second network is right, on a share $\gamma$ only the first. From how many
# digits on is the difference of the errors $z$ times its **paired** standard error, $\operatorname{se}$? Solve
# $\frac{|b - c|}{n} = z \operatorname{se}$ with $b = \beta n$, $c = \gamma n$ for $n$.
# (With $z = 1.96$ and this $n$ the difference is seen only about every second time: chance puts it below the limit as
# often as above. To see it nearly always takes more digits.)
# %% 21.4
def digits_needed(beta, gamma, z):
    """n, not rounded."""
    ### BEGIN SOLUTION
    d = beta - gamma
    return z**2 * (beta + gamma - d**2) / d**2
    ### END SOLUTION


# %%
@st.composite
def disagreements(draw):
    beta, gamma = draw(st.integers(1, 10)), draw(st.integers(1, 10))
    assume(beta != gamma)
    return {"beta": beta / 100, "gamma": gamma / 100, "z": draw(st.sampled_from((1.0, 1.96, 3.0)))}


needed = Exercise(
    "21.4",
    digits_needed,
    disagreements(),
    hint="Put beta n and gamma n into the formula of the paired bar: the bar falls like 1 over the root of n.",
    mistakes={
        "z not squared": Mistake(
            lambda beta, gamma, z: digits_needed(beta, gamma, 1) * z,
            "The bar falls like the root of n: what must become of z?",
        ),
        "one bar": Mistake(lambda beta, gamma, z: digits_needed(beta, gamma, 1), "z has no effect."),
        "difference not squared": Mistake(
            lambda beta, gamma, z: z**2 * (beta + gamma - (beta - gamma) ** 2) / abs(beta - gamma),
            "Half the difference needs *four* times as many digits.",
        ),
        "unpaired": Mistake(
            lambda beta, gamma, z: z**2 * (beta * (1 - beta) + gamma * (1 - gamma)) / (beta - gamma) ** 2,
            "These are two shares on digits of their own; both networks see the same digits.",
        ),
        "without the square": Mistake(
            lambda beta, gamma, z: z**2 * (beta + gamma) / (beta - gamma) ** 2,
            "The formula under the root has a second term, small but there.",
        ),
    },
)


# %% [markdown] 21.5 Too sure, or not sure enough?
# The temperature $T$ minimises the cross-entropy $C(T) = -\frac1n \sum_i \log p_{y_i}(x_i)$, $p_k \propto e^{a_k / T}$.
# Derive $dC/dT$. What does its sign at $T = 1$ say of the network?
# %% 21.5
def slope_of_temperature(T, scores, y):
    """dC/dT; scores: (n, classes), before the softmax; y: (n,)."""
    ### BEGIN SOLUTION
    e = np.exp((scores - scores.max(axis=1, keepdims=True)) / T)
    p = e / e.sum(axis=1, keepdims=True)
    expected = np.sum(p * scores, axis=1)
    return np.mean(scores[np.arange(len(y)), y] - expected) / T**2
    ### END SOLUTION


# %%
@st.composite
def scored(draw):
    n, classes = draw(st.integers(1, 3)), draw(st.integers(2, 3))
    y = np.array([draw(st.integers(0, classes - 1)) for _ in range(n)])
    return {"T": draw(numbers(0.5, 3)), "scores": draw(matrices(n, classes, -2, 2)), "y": y}


def slope(power=2.0, own=True, sign=1, mean=np.mean):
    def answer(T, scores, y):
        e = np.exp(scores / (T if own else 1))
        p = e / e.sum(axis=1, keepdims=True)
        return sign * mean(scores[np.arange(len(y)), y] - np.sum(p * scores, axis=1)) / T**power

    return answer


temperature = Exercise(
    "21.5",
    slope_of_temperature,
    scored(),
    hint="-log p_y = log(sum of exp(a_k / T)) - a_y / T. Differentiating the logarithm brings back the probabilities.",
    mistakes={
        "sign": Mistake(slope(sign=-1), "The sign: where the right class has the largest score, more heat raises C."),
        "by 1/T": Mistake(slope(power=0), "This is minus the derivative by 1 / T; by T there is one more factor."),
        "T once": Mistake(slope(power=1), "The derivative of 1 / T has the square of T in it."),
        "probabilities at 1": Mistake(slope(own=False), "The probabilities must be those at temperature T."),
        "sum": Mistake(slope(mean=np.sum), "The mean over the examples is asked for, not their sum."),
    },
)


# %% [markdown] 21.6 Five that are nearly equal
# Repeat "Choose a thousand times" with the five best of the twenty networks alone: `wrong` and `true` of these five.
# Does the flattery with 100 digits grow or shrink, and the regret? Why?
# %%
five = Exercise(
    "21.6",
    hint=(
        "Flattery is luck that was selected. How much luck is there to select from, "
        "and how much is lost by a wrong choice?"
    ),
    expected=(
        "Both shrink, though the five are nearly equal. Compare draw by draw: if the best score of all twenty belongs to one of the "
        "five, nothing changes. If not, the five choose a network that is truly better and looked worse: less flattery and less "
        "regret. Fewer rivals, less luck to select from; but most of it is among the five that are close together."
    ),
)

"""Exercises of notebook 06, regularisation and dropout."""

import numpy as np
from hypothesis import strategies as st

from coursekit.exercises.exercise import Exercise, Mistake, matrices, numbers, vectors


# %% [markdown] 06.1 An improvement that counts
# Near the minimum a validation curve creeps. Let an epoch count as better only if its score lies **more than** `delta` below that
# of the best epoch so far; what does not count changes nothing. All else stays as in the notebook's `stop_early`.
# %% 06.1
def stop_early_with_delta(scores, patience, delta):
    """The epoch that is kept, and the last epoch that was trained, both from 0.

    scores: a list, a number for each epoch, low is good; patience >= 1; delta >= 0.
    """
    ### BEGIN SOLUTION
    best = 0
    for epoch, score in enumerate(scores):
        if score < scores[best] - delta:
            best = epoch
        if epoch - best >= patience:
            break
    return best, epoch
    ### END SOLUTION


# %%
@st.composite
def creeping(draw):
    steps = draw(st.lists(st.sampled_from((0, -0.25, 0.25, -0.5)), max_size=7))
    scores = [3 + sum(steps[:epoch]) for epoch in range(len(steps) + 1)]
    delta = draw(st.sampled_from((0, 0.25, 0.5)))
    return {"scores": scores, "patience": draw(st.integers(1, 4)), "delta": delta}


def stopping(better, patient=lambda epochs, patience: epochs >= patience):
    def answer(scores, patience, delta):
        best = 0
        for epoch, score in enumerate(scores):
            if epoch and better(score, scores, best, epoch, delta):
                best = epoch
            if patient(epoch - best, patience):
                break
        return best, epoch

    return answer


early = Exercise(
    "06.1",
    stop_early_with_delta,
    creeping(),
    hint="Compare with the score of the epoch that is kept, not with the lowest score that was ever seen.",
    mistakes={
        "delta ignored": Mistake(stopping(lambda s, scores, best, *_: s < scores[best]), "delta has no effect."),
        "at least": Mistake(
            stopping(lambda s, scores, best, epoch, delta: s <= scores[best] - delta),
            "An epoch that is better by exactly delta does not count: it takes more than delta.",
        ),
        "the epoch before": Mistake(
            stopping(lambda s, scores, best, epoch, delta: s < scores[epoch - 1] - delta),
            "It compares with the epoch before; the best epoch so far is the one to beat.",
        ),
        "the lowest": Mistake(
            stopping(lambda s, scores, best, epoch, delta: s < min(scores[:epoch]) - delta),
            "A score that did not count moves your mark: so a curve that creeps downwards never counts.",
        ),
        "wrong side": Mistake(
            stopping(lambda s, scores, best, epoch, delta: s < scores[best] + delta),
            "With a larger delta, fewer epochs should count as better, not more.",
        ),
        "one epoch longer": Mistake(
            stopping(
                lambda s, scores, best, epoch, delta: s < scores[best] - delta,
                lambda epochs, patience: epochs > patience,
            ),
            "It waits one epoch too long.",
        ),
    },
)


# %% [markdown] 06.2 What is left of the network?
# A dropped unit takes all weights that enter or leave it along. How many weights $W^{(k)}_{i,j}$ (biases not counted) are in play
# on average, if layer $k$, the input included, loses each unit with its probability $p_k$, all independently?
# %% 06.2
def weights_in_play(sizes, rates):
    """The expected number of weights with both ends there.

    sizes: the units of each layer, the input first; rates: a probability p for each layer.
    """
    ### BEGIN SOLUTION
    kept = [units * (1 - p) for units, p in zip(sizes, rates)]
    return sum(below * above for below, above in zip(kept, kept[1:]))
    ### END SOLUTION


# %%
@st.composite
def thinned(draw):
    sizes = draw(st.lists(st.integers(1, 5), min_size=2, max_size=4))
    rates = [draw(st.sampled_from((0, 0.25, 0.5, 0.75))) for _ in sizes]
    return {"sizes": tuple(sizes), "rates": (*rates[:-1], 0)}


def in_play(share):
    def answer(sizes, rates):
        parts = zip(sizes, sizes[1:], rates, rates[1:])
        return sum(below * above * share(p, q) for below, above, p, q in parts)

    return answer


left = Exercise(
    "06.2",
    weights_in_play,
    thinned(),
    hint="A single weight first: with which probability are both of its ends there?",
    mistakes={
        "lower end": Mistake(
            in_play(lambda p, q: 1 - p), "A weight is lost, too, if the unit that it enters is dropped."
        ),
        "upper end": Mistake(
            in_play(lambda p, q: 1 - q), "A weight is lost, too, if the unit that it leaves is dropped."
        ),
        "both gone": Mistake(
            in_play(lambda p, q: 1 - p * q), "One dropped end is enough to lose a weight; here it takes both."
        ),
        "probabilities added": Mistake(
            in_play(lambda p, q: 1 - p - q), "Weights that lose both ends are taken away twice here."
        ),
    },
)


# %% [markdown] 06.3 Back through a dropped-out input
# One layer, one example: $d = \dfrac{m \odot x}{1 - p}$ with the mask $m$, then $a = W d$. From behind comes
# $s = \partial L / \partial a$. Derive what is handed to $W$ and to $x$.
# %% 06.3
def dropout_backward(x, W, mask, p, s):
    """dL/dW, (units, inputs), and dL/dx, (inputs,).

    x: (inputs,); W: (units, inputs); mask: (inputs,) of 0 and 1; s: (units,).
    """
    ### BEGIN SOLUTION
    scale = mask / (1 - p)
    return np.outer(s, scale * x), scale * (W.T @ s)
    ### END SOLUTION


# %%
@st.composite
def masked_layers(draw):
    inputs, units = draw(st.integers(1, 3)), draw(st.integers(1, 2))
    mask = np.array([draw(st.sampled_from((1.0, 0.0))) for _ in range(inputs)])
    return {
        "x": draw(vectors(inputs, -2, 2)),
        "W": draw(matrices(units, inputs, -2, 2)),
        "mask": mask,
        "p": draw(st.sampled_from((0.5, 0.75))),
        "s": draw(vectors(units, -2, 2)),
    }


back = Exercise(
    "06.3",
    dropout_backward,
    masked_layers(),
    hint="d is x times a factor that does not depend on x. Write dL/dd first; the chain rule does the rest.",
    mistakes={
        "whole x": Mistake(
            lambda x, W, mask, p, s: (np.outer(s, x), dropout_backward(x, W, mask, p, s)[1]),
            "W was fed with d, not with x: the weights of a dropped input must not learn.",
        ),
        "no mask for x": Mistake(
            lambda x, W, mask, p, s: (dropout_backward(x, W, mask, p, s)[0], W.T @ s),
            "dL/dW is right. On its way to x the slope passes the same mask as the signal did.",
        ),
        "not divided": Mistake(
            lambda x, W, mask, p, s: (np.outer(s, mask * x), mask * (W.T @ s)),
            "The mask is there; the survivors' factor 1 / (1 - p) is not.",
        ),
        "divided forwards only": Mistake(
            lambda x, W, mask, p, s: (dropout_backward(x, W, mask, p, s)[0], mask * (W.T @ s)),
            "dL/dW is right; the factor of the survivors belongs to the way back to x as well.",
        ),
        "multiplied": Mistake(
            lambda x, W, mask, p, s: (np.outer(s, mask * x) * (1 - p), mask * (W.T @ s) * (1 - p)),
            "Inverted dropout divides the survivors by 1 - p; it does not multiply.",
        ),
    },
)


# %% [markdown] 06.4 Dropout of inputs is a penalty
# One linear neuron without a bias: $\hat y = \sum_j w_j d_j$ with $d = \operatorname{dropout}(x)$. Show that the **mean over all masks** of
# its squared error is the error without dropout plus a penalty: $\sum_j \lambda_j w_j^2$. Which $\lambda_j$? (Start with the variance of
# a single $d_j$.)
# %% 06.4
def expected_risk(x, y, w, p):
    """The mean over masks and examples of (y - y-hat)^2.

    x: (n, inputs); y: (n,); w: (inputs,); p: the probability that an input is dropped.
    """
    ### BEGIN SOLUTION
    penalty = p / (1 - p) * np.sum(w**2 * np.mean(x**2, axis=0))
    return np.mean((y - x @ w) ** 2) + penalty
    ### END SOLUTION


# %%
@st.composite
def linear_neurons(draw):
    x = draw(matrices(low=-2, high=2))
    n, inputs = x.shape
    p = draw(st.sampled_from((0.25, 0.5, 0.75)))
    return {"x": x, "y": draw(vectors(n, -2, 2)), "w": draw(vectors(inputs, -2, 2)), "p": p}


def with_penalty(penalty):
    return lambda x, y, w, p: np.mean((y - x @ w) ** 2) + penalty(x, w, p)


ridge = Exercise(
    "06.4",
    expected_risk,
    linear_neurons(),
    hint="The mean of a square is the square of the mean plus the variance, and independent variances add up.",
    mistakes={
        "no penalty": Mistake(
            with_penalty(lambda x, w, p: 0), "Only the mean of y-hat is as without dropout: its variance is missing."
        ),
        "inputs forgotten": Mistake(
            with_penalty(lambda x, w, p: p / (1 - p) * np.sum(w**2)),
            "The variance of w_j d_j grows with the input: a weight of large inputs is penalised more.",
        ),
        "not inverted": Mistake(
            with_penalty(lambda x, w, p: p * (1 - p) * np.sum(w**2 * np.mean(x**2, axis=0))),
            "p (1 - p) is the variance of the mask alone: the survivors are divided by 1 - p besides.",
        ),
        "p alone": Mistake(
            with_penalty(lambda x, w, p: p * np.sum(w**2 * np.mean(x**2, axis=0))),
            "The form is right; look again at how the penalty grows with p. What happens as p goes to 1?",
        ),
        "square of the sum": Mistake(
            with_penalty(lambda x, w, p: p / (1 - p) * np.mean((x @ w) ** 2)),
            "Each input has a mask of its own: the variances of the products add up, one by one, without mixed terms.",
        ),
    },
)


# %% [markdown] 06.5 A lid on the weights
# Srivastava et al. trained dropout with a limit: after each step, wherever the weights that **enter a unit** have a norm above
# $c$, they are scaled back to norm $c$. Units below the limit are left alone.
# %% 06.5
def limit_norms(W, c):
    """W, (units, inputs), with the limit c > 0 applied; a new array."""
    ### BEGIN SOLUTION
    norms = np.linalg.norm(W, axis=1, keepdims=True)
    return np.where(norms > c, c * W / np.maximum(norms, c), W)
    ### END SOLUTION


# %%
lid = Exercise(
    "06.5",
    limit_norms,
    {"W": matrices(low=-3, high=3), "c": numbers(0.5, 3)},
    hint="A row of W enters one unit: one norm for each row (keepdims=True keeps its axis).",
    mistakes={
        "columns": Mistake(
            lambda W, c: limit_norms(W.T, c).T,
            "These are the weights that leave an input: take those that enter a unit.",
        ),
        "whole matrix": Mistake(
            lambda W, c: W * min(1, c / max(np.linalg.norm(W), c)), "Each unit has a norm of its own, not all of W one."
        ),
        "entries": Mistake(
            lambda W, c: np.clip(W, -c, c), "This cuts single weights; the limit is for the norm of a whole row."
        ),
        "always": Mistake(
            lambda W, c: c * W / np.maximum(np.linalg.norm(W, axis=1, keepdims=True), 1e-12),
            "Rows below the limit are left alone; this stretches them.",
        ),
        "squared": Mistake(
            lambda W, c: W * np.minimum(1, c / np.maximum(np.sum(W**2, axis=1, keepdims=True), c)),
            "The norm is the root of the sum of squares.",
        ),
    },
)


# %% [markdown] 06.6 Fifty opinions
# Keep dropout **on** at test time: `dropped.forward(x_valid)[1][3]` is one prediction of all validation digits. Average 50, each with its
# own masks (*Monte Carlo dropout*). Compare error and cross-entropy of a single one, of their mean, and of `dropped.predict`. As the
# disagreement on a digit take the standard deviation of the 50 probabilities, summed over the classes. How often is the mean wrong on the
# tenth of the digits where it is largest, and how often on the rest?
# %%
opinions = Exercise(
    "06.6",
    hint="How does the mean of probabilities score against the mean of scores? And which digits divide the opinions?",
    expected=(
        "A single one makes clearly more mistakes than `predict`, their mean about as few. The mean's cross-entropy is below the "
        "mean of the fifty cross-entropies for certain, since -log is convex. Among the tenth of the digits on which the fifty "
        "disagree most, the mean is several times as often wrong as among the rest: disagreement warns."
    ),
)

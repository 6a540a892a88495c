"""Exercises of notebook 09, LeNet-5."""

import numpy as np
from hypothesis import strategies as st

from coursekit.exercises.exercise import Exercise, Mistake, numbers, vectors

# %% [markdown] 09.1 Where the work is done
# How many multiply-adds does LeNet-5 need for one image, in C1, C3, C5, F6 and the output? (Each weight that is not a bias counts
# once for each place where it is used; subsampling and activations do not count.) Which layer does most of the work, and which
# holds most of the parameters? `coursekit.vision.count_operations(network)` must give the sum.
# %% 09.1
work = ...  # (C1, C3, C5, F6, output)
### BEGIN SOLUTION
work = (28 * 28 * 25 * 6, 10 * 10 * 25 * 6 * 16, 25 * 16 * 120, 120 * 84, 84 * 10)
### END SOLUTION


# %%
def compared(counts):
    """How each layer's count is, in words."""
    names = ("C1", "C3", "C5", "F6", "output")
    return {name: size(count / true) for name, count, true in zip(names, counts, WORK, strict=True)}


def size(ratio):
    if ratio == 1:
        return "right"
    return f"{'far ' if not 0.1 < ratio < 10 else ''}too {'few' if ratio < 1 else 'many'}"


WORK = (117_600, 240_000, 48_000, 10_080, 840)
operations = Exercise(
    "09.1",
    work,
    apply=compared,
    hint="For a convolution: places of the map, times f x f x channels read, times filters. A 32 x 32 image, no padding.",
    mistakes={
        "weights": Mistake(
            (150, 2400, 48000, 10080, 840),
            "These are the weights: a filter's are used again at every place of its map.",
        ),
        "parameters": Mistake(
            (156, 2416, 48120, 10164, 850),
            "These are the parameters, each counted once. At how many places is it used?",
        ),
        "places of what comes in": Mistake(
            (32 * 32 * 150, 14 * 14 * 2400, 25 * 48000, 10080, 840),
            "It is the map that comes out whose places count, not the one that goes in.",
        ),
        "after pooling": Mistake(
            (14 * 14 * 150, 5 * 5 * 2400, 48000, 10080, 840),
            "A convolution fills its whole map; the pooling comes after it and throws most of the work away.",
        ),
        "one channel": Mistake(
            (28 * 28 * 150, 10 * 10 * 25 * 16, 25 * 120, 10080, 840),
            "A filter of C3 reads six maps, one of C5 sixteen.",
        ),
    },
)


# %% [markdown] 09.2 Warm up, then fall, but not to 0
# A schedule as in the recipe: from 0 in a straight line to `top` during the first `warm` steps, then half a cosine. But at step
# `steps`, the last one, it shall end at the share `floor` of `top`, not at 0.
# %% 09.2
def learning_rate(step, warm, steps, top, floor):
    """The rate at one step, 0 <= step <= steps; 0 < warm < steps; 0 <= floor <= 1."""
    ### BEGIN SOLUTION
    if step < warm:
        return top * step / warm
    share = (1 + np.cos(np.pi * (step - warm) / (steps - warm))) / 2  # falls from 1 to 0
    return top * (floor + (1 - floor) * share)
    ### END SOLUTION


# %%
@st.composite
def schedules(draw):
    warm = draw(st.integers(1, 5))
    steps = warm + draw(st.integers(1, 10))
    case = {"step": draw(st.integers(0, steps)), "warm": warm, "steps": steps}
    return case | {"top": draw(numbers(0.25, 2)), "floor": draw(st.sampled_from((0.0, 0.25, 0.5)))}


def rates(fall, floor=lambda share, floor: floor + (1 - floor) * share):
    def answer(step, warm, steps, top, lowest):
        if step < warm:
            return top * step / warm
        return top * floor(fall(step, warm, steps), lowest)

    return answer


def half_cosine(part):
    return (1 + np.cos(np.pi * part)) / 2


def falling(step, warm, steps):
    return half_cosine((step - warm) / (steps - warm))


schedule = Exercise(
    "09.2",
    learning_rate,
    schedules(),
    hint="After the warm-up: which part of the way down is gone? Squeeze a cosine from 1 to 0 into 1 to floor.",
    mistakes={
        "from the first step": Mistake(
            rates(lambda step, warm, steps: half_cosine(step / steps)),
            "The cosine starts at the end of the warm-up, at the top: your rate jumps there.",
        ),
        "steps after the warm-up": Mistake(
            rates(lambda step, warm, steps: half_cosine((step - warm) / steps)),
            "The end comes at step `steps`: your rate has not arrived by then.",
        ),
        "to 0": Mistake(rates(falling, lambda share, floor: share), "It falls to 0; the floor has no effect."),
        "cut off": Mistake(
            rates(falling, lambda share, floor: np.maximum(share, floor)),
            "This cuts the cosine off at the floor; it shall come down to it at the very end.",
        ),
        "floor added": Mistake(
            rates(falling, lambda share, floor: share + floor), "With the floor added the top is higher than `top`."
        ),
        "whole cosine": Mistake(
            rates(lambda step, warm, steps: half_cosine(2 * (step - warm) / (steps - warm))),
            "This goes down and up again: half a cosine is enough.",
        ),
    },
)


# %% [markdown] 09.3 How sure does smoothing want it?
# Label smoothing asks for $y_k = (1 - \alpha)\, [k \text{ is the class}] + \alpha / K$ with $K$ classes (the recipe: $\alpha = 0.05$, $K = 10$).
# Without it, the cross-entropy wants the score of the class infinitely far above the others. With it there is a best network:
# by how much do its scores differ, that of the class from each of the others?
# %% 09.3
def best_gap(classes, alpha):
    """Score of the true class minus another's, where the loss is lowest; 0 < alpha < 1."""
    ### BEGIN SOLUTION
    return np.log((1 - alpha + alpha / classes) / (alpha / classes))
    ### END SOLUTION


# %%
gap = Exercise(
    "09.3",
    best_gap,
    {"classes": st.integers(2, 1000), "alpha": st.sampled_from((0.05, 0.1, 0.2, 0.25, 0.5))},
    hint="Cross-entropy is lowest where the probabilities equal the targets. And softmax: what is log p_i - log p_j?",
    mistakes={
        "own share forgotten": Mistake(
            lambda classes, alpha: np.log((1 - alpha) * classes / alpha),
            "The true class gets its share alpha / K like all the others, on top of 1 - alpha.",
        ),
        "shared by the others": Mistake(
            lambda classes, alpha: np.log((1 - alpha) * (classes - 1) / alpha),
            "Here alpha is shared by the other classes alone; the formula gives a part of it to the true one, too.",
        ),
        "probabilities": Mistake(
            lambda classes, alpha: 1 - alpha, "This is how far the probabilities lie apart; the scores are asked for."
        ),
        "the target's logarithm": Mistake(
            lambda classes, alpha: np.log(1 - alpha + alpha / classes),
            "Half of it: the score of another class is not 0, it has a target, too.",
        ),
        "sign": Mistake(
            lambda classes, alpha: -best_gap(classes, alpha),
            "The true class should have the larger score: mind the order.",
        ),
    },
)


# %% [markdown] 09.4 Read where it came from
# A distortion is written **backwards**: $\text{out}(x) = \text{image}(a x + t)$ says from where each pixel of the result is read. Along one axis: which
# $a$ and $t$ make a digit $k$ times as **large**, its place $c$ staying where it is, and then move it to the right by $d$ pixels?
# %% 09.4
def zoom_and_move(k, c, d):
    """a and t; k > 0, c and d are in pixels."""
    ### BEGIN SOLUTION
    return 1 / k, c - (c + d) / k
    ### END SOLUTION


# %%
reading = Exercise(
    "09.4",
    zoom_and_move,
    {"k": st.sampled_from((0.5, 1.0, 2.0, 4.0)), "c": numbers(-4, 4), "d": numbers(-4, 4)},
    hint="Follow one point forwards, from its old place to the new one. Then solve for the old place.",
    mistakes={
        "forwards": Mistake(
            lambda k, c, d: (k, c - k * c + d), "This says where a pixel goes; the formula asks where it comes from."
        ),
        "about 0": Mistake(lambda k, c, d: (1 / k, -d / k), "This leaves place 0 where it is; place c should stay."),
        "moved first": Mistake(
            lambda k, c, d: (1 / k, c - c / k - d),
            "Here the move is enlarged too: it comes first, and should come last.",
        ),
        "to the left": Mistake(
            lambda k, c, d: (1 / k, c - (c - d) / k), "To move a picture to the right, read further to the left."
        ),
    },
)


# %% [markdown] 09.5 Ten networks, one answer
# Networks from different seeds make different mistakes. Average their probabilities, then take the likeliest class. What is the
# ensemble's error? (Try it on networks that you trained: how does it compare with the mean of their errors?)
# %% 09.5
def ensemble_error(probabilities, labels):
    """The share of wrong answers.

    probabilities: (networks, examples, classes); labels: (examples,), the true classes.
    """
    ### BEGIN SOLUTION
    answers = probabilities.mean(axis=0).argmax(axis=1)
    return np.mean(answers != labels)
    ### END SOLUTION


# %%
@st.composite
def opinions(draw):
    networks, examples = draw(st.integers(1, 3)), draw(st.integers(1, 4))
    rows = np.reshape([sorted(draw(vectors(2, 0, 1))) for _ in range(networks * examples)], (networks, examples, 2))
    first, second = rows[..., 0], rows[..., 1]
    labels = np.array([draw(st.integers(0, 2)) for _ in range(examples)])
    return {"probabilities": np.stack([first, second - first, 1 - second], axis=-1), "labels": labels}


def no_tie(probabilities):
    """Whether one class is the likeliest, so that neither order nor rounding decides."""
    means = np.sort(probabilities.mean(axis=0), axis=1)
    return np.all(means[:, -1] - means[:, -2] > 0.01)


def vote(probabilities, labels):
    votes = np.eye(probabilities.shape[2])[probabilities.argmax(axis=2)].sum(axis=0)
    return np.mean(votes.argmax(axis=1) != labels)


ensemble = Exercise(
    "09.5",
    ensemble_error,
    opinions().filter(lambda case: no_tie(case["probabilities"])),
    hint="Which axis is averaged away first, and over which one is the largest looked for?",
    mistakes={
        "mean of the errors": Mistake(
            lambda probabilities, labels: np.mean(probabilities.argmax(axis=2) != labels),
            "This is the mean of the networks' own errors: average first, then decide.",
        ),
        "vote": Mistake(vote, "Each network has one vote here; average how sure they are, not what they answer."),
        "product": Mistake(
            lambda probabilities, labels: np.mean(probabilities.prod(axis=0).argmax(axis=1) != labels),
            "This multiplies the probabilities: a single network that says 0 decides alone.",
        ),
        "accuracy": Mistake(
            lambda probabilities, labels: 1 - ensemble_error(probabilities, labels),
            "This is the share of right answers.",
        ),
        "surest": Mistake(
            lambda probabilities, labels: np.mean(probabilities.max(axis=0).argmax(axis=1) != labels),
            "This follows the surest network; the mean listens to all of them.",
        ),
    },
)


# %% [markdown] 09.6 What weight decay leaves
# A weight that the data never pull at only decays: $w \leftarrow (1 - 0.2\, \varepsilon_r)\, w$. Multiply the factors of all steps of
# the recipe's schedule: for 4 epochs of 141 steps (18,000 digits in batches of 128), and for 60 epochs of 469 steps (the whole
# MNIST). `schedule(epochs)` reads the global `steps`: set it to 141 or 469 first, and back afterwards. How much of the weight is left?
# First estimate it from the mean learning rate, without a loop.
# %%
left = Exercise(
    "09.6",
    hint="A product of many factors close to 1 is the exponential of a sum; the mean of the schedule is 0.002.",
    expected=(
        "After 4 epochs about 0.8 of it, after 60 epochs of the whole MNIST about 1e-5: nothing. The rate is 0.002 on average, both "
        "while it climbs and while it falls, so that exp(-0.2 x 0.002 x steps) is very near: 564 steps give 0.80, and 28,140 "
        "steps 1.3e-5. In the short training the decay hardly counts; in the long one only what the data hold up is left."
    ),
)

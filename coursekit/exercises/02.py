"""Exercises of notebook 02, the multilayer perceptron."""

import numpy as np
from hypothesis import strategies as st

from coursekit.exercises.exercise import Exercise, Mistake, matrices, numbers, vectors


# %% [markdown] 02.1 Count the parameters
# For any list of layer sizes, such as (784, 128, 64, 10): how many weights and biases has the network?
# %% 02.1
def parameters(sizes):
    """How many weights and biases; sizes: inputs, hidden layers, outputs."""
    ### BEGIN SOLUTION
    return sum((inputs + 1) * units for inputs, units in zip(sizes, sizes[1:]))
    ### END SOLUTION


# %%
count = Exercise(
    "02.1",
    parameters,
    {"sizes": st.lists(st.integers(1, 6), min_size=2, max_size=5).map(tuple)},
    hint="Every neuron has a weight for each number that enters it, and one bias.",
    mistakes={
        "no biases": Mistake(lambda sizes: sum(a * b for a, b in zip(sizes, sizes[1:])), "The biases are missing."),
        "bias for each input": Mistake(
            lambda sizes: sum(a * (b + 1) for a, b in zip(sizes, sizes[1:])),
            "There is one bias for each neuron of a layer, not for each of its inputs.",
        ),
        "inputs have biases": Mistake(
            lambda sizes: sum(a * b for a, b in zip(sizes, sizes[1:])) + sum(sizes),
            "The inputs are not neurons: they have no biases.",
        ),
    },
)


# %% [markdown] 02.2 One layer as wide
# How wide must a network 784-$n$-10 be to have at least as many parameters as 784-128-64-10? Give the smallest $n$.
# %% 02.2
n = ...
### BEGIN SOLUTION
n = 138
### END SOLUTION


# %%
def enough(n):
    """Whether n neurons have as many parameters, in words."""
    if n < 137:
        return "too few parameters"
    return "a few parameters too few" if n < 138 else "the smallest" if n == 138 else "more than needed"


width = Exercise(
    "02.2",
    n,
    apply=enough,
    hint="It has 795 n + 10 parameters: 785 for each neuron, and 10 weights that leave it.",
    mistakes={
        "just too narrow": Mistake(137, "A few parameters are missing: n is a whole number, so round up."),
        "one too wide": Mistake(139, "A narrower one would do."),
    },
)


# %% [markdown] 02.3 Softmax with a temperature
# $\psi(a)_j = e^{a_j / T} / \sum_k e^{a_k / T}$. Write it so that scores of a thousand do no harm. What does it tend to as $T \to 0$, and
# as $T \to \infty$? Draw it for the scores (2, 1, 0).
# %% 02.3
def softmax(a, T):
    """Probabilities (classes,) from scores a, (classes,), and a temperature T > 0."""
    ### BEGIN SOLUTION
    # T -> 0: all on the largest score; T -> infinity: all classes alike
    e = np.exp((a - a.max()) / T)
    return e / e.sum()
    ### END SOLUTION


# %%
def overflowing(a, T):
    with np.errstate(all="ignore"):
        return np.exp(a / T) / np.exp(a / T).sum()


temperature = Exercise(
    "02.3",
    softmax,
    {"a": st.one_of(vectors(), vectors(low=900, high=1000)), "T": numbers(0.5, 4)},
    hint="The same number may be added to all scores: subtract the largest first.",
    mistakes={
        "overflow": Mistake(overflowing, "exp of a large number is infinite. What may be subtracted from all scores?"),
        "times T": Mistake(
            lambda a, T: softmax(a, 1 / T), "A high temperature must make the probabilities more equal, not less."
        ),
        "no temperature": Mistake(lambda a, T: softmax(a, 1.0), "T has no effect."),
    },
)


# %% [markdown] 02.4 A forward pass
# Write the network's formula: $h^{(k)} = \operatorname{ReLU}(W^{(k)} h^{(k-1)} + b^{(k)})$ for the hidden layers, and the last layer's scores
# without an activation, for *one* example.
# %% 02.4
def forward_pass(x, weights, biases):
    """Scores (outputs,) of one example x, (inputs,).

    weights: a list of W(k), each (units, inputs); biases: a list of b(k), each (units,).
    """
    ### BEGIN SOLUTION
    h = x
    for W, b in zip(weights[:-1], biases[:-1]):
        h = np.maximum(W @ h + b, 0)
    return weights[-1] @ h + biases[-1]
    ### END SOLUTION


# %%
@st.composite
def networks(draw):
    widths = draw(st.lists(st.integers(1, 2), min_size=2, max_size=4))
    weights = [draw(matrices(rows, columns, -2, 2)) for columns, rows in zip(widths, widths[1:])]
    biases = [draw(vectors(len(W), -2, 2)) for W in weights]
    return {"x": draw(vectors(widths[0], -2, 2)), "weights": weights, "biases": biases}


def all_rectified(x, weights, biases):
    for W, b in zip(weights, biases):
        x = np.maximum(W @ x + b, 0)
    return x


def linear(x, weights, biases):
    for W, b in zip(weights, biases):
        x = W @ x + b
    return x


def without_biases(x, weights, biases):
    return forward_pass(x, weights, [0 * b for b in biases])


def rectified_too_early(x, weights, biases):
    for W, b in zip(weights, biases):
        x = W @ np.maximum(x, 0) + b
    return x


layers = Exercise(
    "02.4",
    forward_pass,
    networks(),
    hint="Loop over all layers but the last; what a layer gives is what the next one takes.",
    mistakes={
        "relu at the end": Mistake(all_rectified, "The last layer's scores may be negative: no ReLU there."),
        "no relu": Mistake(linear, "Without an activation the layers are one matrix (exercise 01.4)."),
        "no biases": Mistake(without_biases, "The biases are missing."),
        "relu on the input": Mistake(rectified_too_early, "The input x itself must not go through the ReLU."),
    },
)


# %% [markdown] 02.5 The moons by ReLU
# In "How many neurons does a bend need?" write `activation=scratch.relu` for `activation=scratch.tanh` in `train`. Run that cell again (it
# makes the moons anew: `x` means something else by now), then the cell that trains, the six panels, the one that computes `errors`, and
# the picture of the errors; leave out the checks after it, which are for tanh. What do the borders look like now? Do all six starts agree?
# %%
moons = Exercise(
    "02.5",
    hint="Look at the borders: are they smooth?",
    expected=(
        "The borders are made of straight pieces, one kink for each neuron that bends there. With few neurons the starts "
        "differ more than with tanh: a ReLU that is 0 for all points gets no gradient and never comes back."
    ),
)

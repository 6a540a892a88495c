"""Exercises of notebook 01, the artificial neuron."""

import numpy as np
from hypothesis import strategies as st

from coursekit.exercises.exercise import Exercise, Mistake, matrices, vectors


# %% [markdown] 01.1 A leak on the negative side
# A ReLU whose negative side is not flat: $\phi(a) = a$ for $a > 0$ and $0.1\,a$ elsewhere. Write it for arrays of any shape.
# Then write its derivative as a second function, `slope`, and add both: `activations.append(scratch.Activation("leaky_relu",
# leaky_relu, slope))`. In the cell that draws the five panels write `panels(1, 6, …)` for `panels(1, 5, …)`, and run that cell alone.
# %% 01.1
def leaky_relu(a):
    """phi(a) at every number of the array a: an array of the same shape."""
    ### BEGIN SOLUTION
    return np.where(a > 0, a, 0.1 * a)
    ### END SOLUTION


# %%
leak = Exercise(
    "01.1",
    leaky_relu,
    {"a": st.one_of(vectors(), matrices())},
    hint="np.where(condition, these, those) chooses number by number.",
    mistakes={
        "relu": Mistake(lambda a: np.maximum(a, 0), "This is the ReLU: its negative side is flat, yours should fall."),
        "constant": Mistake(lambda a: np.where(a > 0, a, 0.1), "Left of 0 it must be 0.1 times a, not the number 0.1."),
        "slopes swapped": Mistake(lambda a: np.where(a > 0, 0.1 * a, a), "The two sides have changed places."),
        "derivative": Mistake(lambda a: np.where(a > 0, 1.0, 0.1), "This is the derivative, not the function."),
    },
)


# %% [markdown] 01.2 A neuron that says "and"
# A neuron with the hard threshold fires, $\hat y = 1$, where $w_1 x_1 + w_2 x_2 + b \ge 0$. Its inputs are 0 or 1. Choose numbers so that
# it fires for (1, 1) alone.
# %% 01.2
and_neuron = ...  # (w1, w2, b)
### BEGIN SOLUTION
and_neuron = (1.0, 1.0, -1.5)
### END SOLUTION


# %%
def fires(neuron, *x):
    *w, b = neuron
    return float(np.dot(w, x) + b >= 0)


bit = st.sampled_from((0, 1))
conjunction = Exercise(
    "01.2",
    and_neuron,
    {"x1": bit, "x2": bit},
    apply=fires,
    hint="Start from b = 0 and weights of 1. Which of the four inputs fire, and which b stops all but (1, 1)?",
    mistakes={
        "or": Mistake(
            (1, 1, -0.5),
            "It fires as soon as one input is 1: that is OR. At a sum of 0 it fires, so b must hold back more.",
        ),
        "never": Mistake((1, 1, -2.5), "It never fires: b holds back more than both weights together can bring."),
        "nand": Mistake((-1, -1, 1.5), "This is NAND, the opposite of AND: it fires for all but (1, 1)."),
    },
)


# %% [markdown] 01.3 At least two of three
# The same neuron with three inputs. It shall fire if at least two of them are 1.
# %% 01.3
majority = ...  # (w1, w2, w3, b)
### BEGIN SOLUTION
majority = (1.0, 1.0, 1.0, -1.5)
### END SOLUTION


# %%
votes = Exercise(
    "01.3",
    majority,
    {"x1": bit, "x2": bit, "x3": bit},
    apply=fires,
    hint="With equal weights the neuron counts: between which two counts must the threshold lie?",
    mistakes={
        "all three": Mistake(
            (1, 1, 1, -2.5), "It fires only if all three are 1: the threshold lies one count too high."
        ),
        "any": Mistake((1, 1, 1, -0.5), "One input is enough for it: the threshold lies one count too low."),
    },
)


# %% [markdown] 01.4 Identity neurons, however deep
# Write the weights of all neurons of layer $k$ as the rows of a matrix $W^{(k)}$, their biases as a vector $b^{(k)}$. The first layer
# reads $h^{(0)} = x$, each other one what the layer before gives. Without $\phi$, $h^{(k)} = W^{(k)} h^{(k-1)} + b^{(k)}$. Prove that
# any number of them is *one* layer, and write down which.
# %% 01.4
def one_layer(weights, biases):
    """W and b of the single layer that does what the layers do in turn.

    weights: a list of W(k), each (units, inputs); biases: a list of b(k), each (units,).
    """
    ### BEGIN SOLUTION
    W, b = weights[0], biases[0]
    for matrix, shift in zip(weights[1:], biases[1:]):
        W, b = matrix @ W, matrix @ b + shift
    return W, b
    ### END SOLUTION


# %%
@st.composite
def stacks(draw):
    widths = draw(st.lists(st.integers(1, 2), min_size=2, max_size=4))
    weights = [draw(matrices(rows, columns, -2, 2)) for columns, rows in zip(widths, widths[1:])]
    return {"weights": weights, "biases": [draw(vectors(len(W), -2, 2)) for W in weights]}


def added(weights, biases):
    W = weights[0]
    for matrix in weights[1:]:
        W = matrix @ W
    return W, sum(biases) if len({len(b) for b in biases}) == 1 else biases[-1]


def last_bias(weights, biases):
    return one_layer(weights, biases)[0], biases[-1]


def wrong_order(weights, biases):
    W, b = weights[0], biases[0]
    for matrix, shift in zip(weights[1:], biases[1:]):
        W, b = (W @ matrix if W.shape == matrix.shape[::-1] else matrix @ W), matrix @ b + shift
    return W, b


collapse = Exercise(
    "01.4",
    one_layer,
    stacks(),
    hint="Write out two layers first: W2 (W1 x + b1) + b2. What multiplies x, and what is left?",
    mistakes={
        "biases added": Mistake(added, "The biases of early layers are multiplied by all the later matrices too."),
        "last bias": Mistake(last_bias, "W is right; b is not: the biases of earlier layers reach the output as well."),
        "wrong order": Mistake(wrong_order, "The order of the matrices: the first layer's stands rightmost."),
    },
)


# %% [markdown] 01.5 A narrow gap
# Write `generator = np.random.default_rng(5)` above the line that draws `x` in "Watch it learn", run from there to "Two walls that
# meet", and note `len(history) - 1` and `bound`. Then write 0.02 for both 0.2, which narrows the gap between the classes from 0.4 to
# 0.04, and run the same cells again. What do the corrections do, and what does the bound $(R/\gamma)^2$ do? (If a claim stops you,
# allow more passes.)
# %%
gap = Exercise(
    "01.5",
    hint="The theorem bounds the corrections by (R / gamma) squared, and gamma has become several times smaller.",
    expected=(
        "The bound grows many times, since gamma, the distance of the nearest point, enters squared. The corrections "
        "usually grow, too, but by a smaller factor: the theorem says how many there can be at most, not how many there are."
    ),
)

"""Exercises of notebook 04, backpropagation."""

import numpy as np
from hypothesis import strategies as st

from coursekit.exercises.exercise import Exercise, Mistake, matrices, numbers, vectors


# %% [markdown] 04.1 One neuron, backwards
# $\hat y = \sigma(w^\top x + b)$ with the sigmoid $\sigma$ and the binary cross-entropy $\ell = -y \log \hat y - (1 - y) \log(1 - \hat y)$.
# Derive $\partial \ell / \partial a$: nearly everything cancels. Then write the gradient for one example.
# %% 04.1
def neuron_gradients(x, y, w, b):
    """d loss / d w, (inputs,), and d loss / d b, for one example x, (inputs,), y: 0 or 1."""
    ### BEGIN SOLUTION
    delta = 1 / (1 + np.exp(-(w @ x + b))) - y
    return delta * x, delta
    ### END SOLUTION


# %%
@st.composite
def neurons(draw):
    x = draw(vectors(low=-2, high=2))
    return {"x": x, "y": draw(st.integers(0, 1)), "w": draw(vectors(len(x), -2, 2)), "b": draw(numbers(-2, 2))}


def sigmoid(a):
    return 1 / (1 + np.exp(-a))


def with_slope(x, y, w, b):
    f = sigmoid(w @ x + b)
    return (f - y) * f * (1 - f) * x, (f - y) * f * (1 - f)


def upwards(x, y, w, b):
    return tuple(-part for part in neuron_gradients(x, y, w, b))


neuron = Exercise(
    "04.1",
    neuron_gradients,
    neurons(),
    hint="The chain rule: d loss / d y-hat times y-hat (1 - y-hat). What does that factor cancel?",
    mistakes={
        "squared error": Mistake(with_slope, "The factor y-hat (1 - y-hat) cancels with the loss's derivative."),
        "upwards": Mistake(upwards, "This points downhill: it is minus the gradient."),
        "bias as a weight": Mistake(
            lambda x, y, w, b: (neuron_gradients(x, y, w, b)[0], neuron_gradients(x, y, w, b)[1] * b),
            "The bias enters a with the factor 1: its derivative is delta alone.",
        ),
        "x forgotten": Mistake(
            lambda x, y, w, b: (np.full(len(x), neuron_gradients(x, y, w, b)[1]), neuron_gradients(x, y, w, b)[1]),
            "A weight's derivative is delta times the input that it multiplies.",
        ),
    },
)


# %% [markdown] 04.2 The penalty's share
# With the penalty $\frac{\lambda}{2} \sum_k \lVert W^{(k)} \rVert^2$ in the loss, what is added to each gradient? Which entries must not change?
# %% 04.2
def add_penalty(weights, gradients, penalty):
    """The gradients with the penalty's share added, a list in the same order.

    weights: a list of arrays, W(k) of rank 2 and b(k) of rank 1; penalty: lambda.
    """
    ### BEGIN SOLUTION
    return [g + penalty * w if w.ndim == 2 else g for w, g in zip(weights, gradients)]
    ### END SOLUTION


# %%
@st.composite
def layers(draw):
    weights = []
    for _ in range(draw(st.integers(1, 2))):
        W = draw(matrices(low=-2, high=2))
        weights += [W, draw(vectors(len(W), -2, 2))]
    gradients = [np.full_like(w, draw(numbers(-1, 1))) for w in weights]
    return {"weights": weights, "gradients": gradients, "penalty": draw(numbers(0, 2))}


decay = Exercise(
    "04.2",
    add_penalty,
    layers(),
    hint="Differentiate half the square. And biases are not penalised.",
    mistakes={
        "biases too": Mistake(
            lambda weights, gradients, penalty: [g + penalty * w for w, g in zip(weights, gradients)],
            "Biases are not penalised: their gradients stay as they are.",
        ),
        "factor 2": Mistake(
            lambda weights, gradients, penalty: [
                g + 2 * penalty * w if w.ndim == 2 else g for w, g in zip(weights, gradients)
            ],
            "The half in front of the square takes the 2 away.",
        ),
        "subtracted": Mistake(
            lambda weights, gradients, penalty: [
                g - penalty * w if w.ndim == 2 else g for w, g in zip(weights, gradients)
            ],
            "This would make the weights grow: a gradient points uphill, and the penalty grows with the weights.",
        ),
    },
)


# %% [markdown] 04.3 The start for a leaky ReLU
# For the ReLU, He's variance $2 / n$ keeps the mean square of $h$ from layer to layer. Derive it for $\phi(a) = \max(a, c\,a)$ with
# $0 \le c \le 1$. To check it for $c = 0.1$, make the activation, `leaky = scratch.Activation("leaky", lambda a: np.maximum(a, 0.1 * a),
# lambda a: np.where(a > 0, 1, 0.1))`: then `mean_squares(leaky, lambda n_in, n_out: np.sqrt(start_variance(n_in, 0.1)))[0]` should stay
# about level.
# %% 04.3
def start_variance(n, c):
    """The variance of the weights that keeps it; n inputs, slope c where a < 0."""
    ### BEGIN SOLUTION
    return 2 / ((1 + c**2) * n)
    ### END SOLUTION


# %%
start = Exercise(
    "04.3",
    start_variance,
    {"n": st.integers(1, 1000), "c": numbers(0, 1)},
    hint="Half of the a are negative. Which part of the mean square of a does each half leave in h?",
    mistakes={
        "He": Mistake(
            lambda n, c: 2 / n, "This is He's, for the ReLU: here the negative side leaves something as well."
        ),
        "slope not squared": Mistake(
            lambda n, c: 2 / ((1 + c) * n), "It is the mean *square* that must stay: the slope enters squared."
        ),
        "standard deviation": Mistake(
            lambda n, c: np.sqrt(2 / ((1 + c**2) * n)), "This is the standard deviation; the variance is asked for."
        ),
        "linear": Mistake(lambda n, c: 1 / n, "This keeps it in a network without an activation."),
    },
)


# %% [markdown] 04.4 Two layers, backwards
# $a^{(1)} = W^{(1)} x + b^{(1)}$, $h = \tanh a^{(1)}$, $\hat y = W^{(2)} h + b^{(2)}$, $\ell = \frac12 \lVert \hat y - y \rVert^2$. Write the backward
# pass for one example. ($\tanh' = 1 - \tanh^2$.)
# %% 04.4
def two_layer_gradients(x, y, W1, b1, W2, b2):
    """Gradients of the loss with respect to W1, b1, W2, b2, each of its argument's shape."""
    h = np.tanh(W1 @ x + b1)
    delta2 = W2 @ h + b2 - y
    ### BEGIN SOLUTION
    delta1 = (W2.T @ delta2) * (1 - h**2)
    return np.outer(delta1, x), delta1, np.outer(delta2, h), delta2
    ### END SOLUTION


# %%
@st.composite
def two_layers(draw):
    inputs, hidden, outputs = (draw(st.integers(1, 2)) for _ in range(3))
    return {
        "x": draw(vectors(inputs, -1, 1)),
        "y": draw(vectors(outputs, -1, 1)),
        "W1": draw(matrices(hidden, inputs, -1, 1)),
        "b1": draw(vectors(hidden, -1, 1)),
        "W2": draw(matrices(outputs, hidden, -1, 1)),
        "b2": draw(vectors(outputs, -1, 1)),
    }


def broken(line):
    def answer(x, y, W1, b1, W2, b2):
        a = W1 @ x + b1
        h = np.tanh(a)
        delta2 = W2 @ h + b2 - y
        delta1 = (W2.T @ delta2) * (1 if line == "slope" else 1 - a**2 if line == "slope of a" else 1 - h**2)
        last = np.outer(delta2, a if line == "a" else h)
        return (np.outer(x, delta1) if line == "transposed" else np.outer(delta1, x)), delta1, last, delta2

    return answer


two = Exercise(
    "04.4",
    two_layer_gradients,
    two_layers(),
    hint="delta1 is W2 transposed times delta2, times the slope of tanh; np.outer makes the gradient of a matrix.",
    mistakes={
        "slope forgotten": Mistake(broken("slope"), "On its way through tanh the error is multiplied by the slope."),
        "slope of a": Mistake(broken("slope of a"), "The slope is 1 - h^2, with h, which is tanh of a."),
        "a for h": Mistake(broken("a"), "The last layer is fed with h, not with a."),
        "transposed": Mistake(broken("transposed"), "W has a row for each unit and a column for each input."),
    },
)


# %% [markdown] 04.5 Break it on purpose
# Break one line of the notebook's `backward`: a factor 2 too many at the start, a $\phi'$ forgotten, or a transpose too many, `W[k].T`,
# where $W^{(k)}$ is square. Take `small = scratch.MLP([4, 5, 5, 3], activation=scratch.tanh)`, which has no penalty, draw `small.theta` as
# in the notebook, compute `a, h` with `forward`, and judge each `dW[k]` by `nudged(lambda: small.risk(x, classes), small.W[k])`. How large
# is the relative difference? Would the training curve have told you?
# %%
breakage = Exercise(
    "04.5",
    hint="Look at the gradient check first, then train with the broken gradient for as long as with the right one.",
    expected=(
        "The check jumps from below 1e-6 to something between 0.1 and 1. Training often goes on all the same, only worse: a "
        "factor 2 is a larger learning rate, and a missing slope still points roughly downhill. The curve alone tells little."
    ),
)

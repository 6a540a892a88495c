"""Exercises of notebook 07, recurrent networks."""

import numpy as np
from hypothesis import strategies as st

from coursekit.exercises.exercise import Exercise, Mistake, matrices, numbers, vectors

# %% [markdown] 07.1 Once on, always on
# A recurrent neuron with the hard threshold: $h_t = 1$ where $w x_t + u h_{t-1} + b > 0$, else 0; $h_0 = 0$. Its inputs are 0 or 1. Choose
# numbers so that it stays at 0 until the first 1 comes, fires then, and **fires ever after**, whatever follows.
# %% 07.1
latch = ...  # (w, u, b)
### BEGIN SOLUTION
latch = (1.0, 1.0, -0.5)
### END SOLUTION


# %%
def states(neuron, x):
    (w, u, b), h, seen = neuron, 0, []
    for x_t in x:
        h = int(w * x_t + u * h + b > 0)
        seen.append(h)
    return seen


remember = Exercise(
    "07.1",
    latch,
    {"x": st.lists(st.sampled_from((0, 1)), min_size=1, max_size=8)},
    apply=states,
    hint="Three sums decide: with x = 0 and h = 0 it must be silent, with either of them 1 it must fire.",
    mistakes={
        "no memory": Mistake(
            (1, 0.25, -0.5), "It repeats its input: what comes back from the step before is too little to keep it on."
        ),
        "always on": Mistake((1, 1, 0.5), "It fires before any 1 has come: b is too large."),
        "inhibits itself": Mistake((1, -1, -0.5), "A negative u makes it stop after it fired: it must be held up."),
        "never": Mistake((1, 1, -1.5), "b holds it back too much: a single 1 does not make it fire."),
    },
)


# %% [markdown] 07.2 The start is learned, too
# One neuron, $a_t = w x_t + u h_{t-1} + b$, $h_t = \tanh a_t$, and $\ell = \frac12 (h_T - y)^2$: only the **last** state is judged, as on the
# notebook's drawing. But $h_0$ is no longer 0, it is a parameter. Go back through time for $\partial \ell / \partial u$ and
# $\partial \ell / \partial h_0$.
# %% 07.2
def through_time(x, y, w, u, b, h0):
    """d loss / d u and d loss / d h0, two numbers; x: (T,), all others numbers."""
    h = [h0]
    for x_t in x:
        h.append(np.tanh(w * x_t + u * h[-1] + b))
    ### BEGIN SOLUTION
    dh, du = h[-1] - y, 0.0
    for t in range(len(x), 0, -1):
        s = (1 - h[t] ** 2) * dh
        du += s * h[t - 1]
        dh = u * s
    return du, dh
    ### END SOLUTION


# %%
@st.composite
def sequences(draw):
    small = numbers(-1, 1)
    return {"x": draw(vectors(low=-1, high=1))} | {name: draw(small) for name in ("y", "w", "u", "b", "h0")}


def backwards(kind):
    def answer(x, y, w, u, b, h0):
        h = [h0]
        for x_t in x:
            h.append(np.tanh(w * x_t + u * h[-1] + b))
        dh, du = h[-1] - y, 0.0
        for t in range(len(x), 0, -1):
            s = dh if kind == "no slope" else (1 - h[t] ** 2) * dh
            share = s * (h[t] if kind == "h_t" else h[t - 1])
            du += share if kind != "last only" or t == len(x) else 0
            dh = u * s + (h[t - 1] - y if kind == "every step" and t > 1 else 0)
        return du, s if kind == "s_1" else dh

    return answer


unrolled = Exercise(
    "07.2",
    through_time,
    sequences(),
    hint="s_T first. Each step back: add its share to du, then multiply by u; whatever arrives at h_0 has gone through u, too.",
    mistakes={
        "last only": Mistake(backwards("last only"), "All steps share one u: its slope is a sum over the steps."),
        "h_t": Mistake(
            backwards("h_t"), "In a_t, u stands before the state of the step before: s_t goes with h_{t-1}."
        ),
        "no slope": Mistake(backwards("no slope"), "Each step back passes through tanh: its slope is missing."),
        "s_1": Mistake(backwards("s_1"), "du is right; but from a_1 to h_0 there is one more factor."),
        "every step": Mistake(
            backwards("every step"), "This judges all states; here only the last one is in the loss."
        ),
    },
)


# %% [markdown] 07.3 Clip all of it together
# The gradient of a network comes in several arrays. To keep its **direction**, all of them must be cut by the same factor: if the
# length of the whole gradient, all entries of all arrays, is above $c$, scale it down to $c$. (In Keras that is `global_clipnorm`;
# `clipnorm` clips each array on its own.)
# %% 07.3
def clip(gradients, c):
    """A list of new arrays; gradients: a list of arrays; c > 0."""
    ### BEGIN SOLUTION
    length = np.sqrt(sum(np.sum(g**2) for g in gradients))
    return [g * min(1.0, c / length) if length > 0 else g for g in gradients]
    ### END SOLUTION


# %%
clipping = Exercise(
    "07.3",
    clip,
    {
        "gradients": st.lists(st.one_of(vectors(low=-3, high=3), matrices(low=-3, high=3)), min_size=1, max_size=3),
        "c": numbers(1, 5),
    },
    hint="First one number, from all arrays; then one factor, the same for all of them.",
    mistakes={
        "each on its own": Mistake(
            lambda gradients, c: [clip([g], c)[0] for g in gradients],
            "Each array is clipped on its own here: that changes the direction of the whole.",
        ),
        "entries": Mistake(
            lambda gradients, c: [np.clip(g, -c, c) for g in gradients],
            "This cuts single entries: the direction changes, and the length may still be above c.",
        ),
        "always": Mistake(
            lambda gradients, c: [g * c / max(np.sqrt(sum(np.sum(g**2) for g in gradients)), 1e-12) for g in gradients],
            "A gradient that is short enough stays as it is; this stretches it to c.",
        ),
        "lengths added": Mistake(
            lambda gradients, c: [
                g * min(1, c / max(sum(np.linalg.norm(g) for g in gradients), 1e-12)) for g in gradients
            ],
            "The lengths of the arrays do not add up: their squares do.",
        ),
    },
)


# %% [markdown] 07.4 The GRU of its authors
# Keras applies $r$ after the product with $U$. Cho et al. apply it **before**: with the sigmoid $\sigma$,
#
# $$z = \sigma(W_z x + U_z h + b_z), \quad r = \sigma(W_r x + U_r h + b_r), \quad \tilde h = \tanh(W x + U (r \odot h) + b),$$
#
# and the new state is $z \odot h + (1 - z) \odot \tilde h$. Write one step of it for one example.
# %% 07.4
def gru_step(x, h, W, U, b):
    """The new state, (units,), from x, (features,), and the old state h, (units,).

    W: (3 units, features), U: (3 units, units) and b: (3 units,) hold the rows of z, r, h~.
    """
    ### BEGIN SOLUTION
    (W_z, W_r, W_h), (U_z, U_r, U_h) = np.split(W, 3), np.split(U, 3)
    b_z, b_r, b_h = np.split(b, 3)
    z = 1 / (1 + np.exp(-(W_z @ x + U_z @ h + b_z)))
    r = 1 / (1 + np.exp(-(W_r @ x + U_r @ h + b_r)))
    new = np.tanh(W_h @ x + U_h @ (r * h) + b_h)
    return z * h + (1 - z) * new
    ### END SOLUTION


# %%
@st.composite
def gated(draw):
    features, units = draw(st.integers(1, 2)), draw(st.integers(1, 2))
    shapes = {"W": matrices(3 * units, features, -2, 2), "U": matrices(3 * units, units, -2, 2)}
    start = {"x": draw(vectors(features, -2, 2)), "h": draw(vectors(units, -2, 2))}
    return start | {name: draw(shape) for name, shape in shapes.items()} | {"b": draw(vectors(3 * units, -2, 2))}


def sigmoid(a):
    return 1 / (1 + np.exp(-a))


def gru_wrong(kind):
    def answer(x, h, W, U, b):
        (W_z, W_r, W_h), (U_z, U_r, U_h), (b_z, b_r, b_h) = (np.split(part, 3) for part in (W, U, b))
        z, r = sigmoid(W_z @ x + U_z @ h + b_z), sigmoid(W_r @ x + U_r @ h + b_r)
        if kind == "gates swapped":
            z, r = r, z
        from_h = {"keras": r * (U_h @ h), "no reset": U_h @ h}.get(kind, U_h @ (r * h))
        new = (sigmoid if kind == "sigmoid" else np.tanh)(W_h @ x + from_h + b_h)
        return (1 - z) * h + z * new if kind == "z swapped" else z * h + (1 - z) * new

    return answer


authors = Exercise(
    "07.4",
    gru_step,
    gated(),
    hint="Split W, U and b in three (np.split); r multiplies the state before U sees it.",
    mistakes={
        "keras": Mistake(
            gru_wrong("keras"), "This is Keras' form: r comes after the product with U. Here it comes before."
        ),
        "z swapped": Mistake(
            gru_wrong("z swapped"), "z is the share of the old state that is kept, not of the new one."
        ),
        "no reset": Mistake(gru_wrong("no reset"), "r has no effect."),
        "gates swapped": Mistake(gru_wrong("gates swapped"), "The rows come in the order z, r, h~."),
        "sigmoid": Mistake(
            gru_wrong("sigmoid"), "The gates are sigmoids, but the new state is a tanh: it may be negative."
        ),
    },
)


# %% [markdown] 07.5 Keep a share for T steps
# Along the cell of an LSTM the gradient is multiplied by $f = \sigma(b_f)$ at each step (leave $x$ and $h$ out). Which bias $b_f$ leaves
# the share $q$ of it after $T$ steps? For which $q$, about, is it the notebook's $\log T$?
# %% 07.5
def forget_bias(T, q):
    """The bias b_f; T >= 1 steps, 0 < q < 1."""
    ### BEGIN SOLUTION
    # log T is f = T / (T + 1): it keeps (T / (T + 1))^T, about 1 / e
    f = q ** (1 / T)
    return np.log(f / (1 - f))
    ### END SOLUTION


# %%
bias = Exercise(
    "07.5",
    forget_bias,
    {"T": st.integers(1, 200), "q": st.sampled_from((0.1, 0.25, 0.4, 0.6, 0.75))},
    hint="Which f gives q after T steps? Then turn the sigmoid round: f = 1 / (1 + exp(-b)).",
    mistakes={
        "log T": Mistake(lambda T, q: np.log(T), "This is the notebook's start: it leaves a share of its own, not q."),
        "f itself": Mistake(lambda T, q: q ** (1 / T), "This is f; the bias is what the sigmoid turns into f."),
        "q shared out": Mistake(
            lambda T, q: np.log(q / T / (1 - q / T)), "The factors of T steps are multiplied: f is not q / T."
        ),
        "loss shared out": Mistake(
            lambda T, q: np.log((1 - (1 - q) / T) / ((1 - q) / T)),
            "The share lost, 1 - q, is not spread evenly: each step takes its part of what is left.",
        ),
        "sign": Mistake(lambda T, q: -forget_bias(T, q), "This f would be 1 minus what you need: mind the sign."),
    },
)


# %% [markdown] 07.6 Why Gers added f
# The LSTM of 1997 had no forget gate; Gers, Schmidhuber and Cummins added it in 2000. In the notebook's `lstm` set the forget gate to 1
# and return $c$ too. Give it the weights of a new `layers.LSTM(4)` (it has none before `layer.build((None, None, 3))`) and 1000 steps
# of noise (`generator.normal(0, 1, (5, 1000, 3))`). How large does $|c|$ get after 10, 100 and 1000 steps, and what does $\tanh(c)$ still
# let through, forwards and backwards? Then with $f$ again.
# %%
forgetting = Exercise(
    "07.6",
    hint="What is the slope of tanh at 5, and at 50?",
    expected=(
        "Nothing is ever forgotten, so c drifts away: |c| is on average a little below 1 after 10 steps, about 4 to 8 after "
        "100, and some tens after 1000. "
        "tanh(c) is then 1 or -1 in most units, with a slope of nearly 0: only the sign of c still gets out, and no "
        "gradient comes back in through h. With f, |c| stays at a few tenths for ever."
    ),
)

"""Exercises of notebook 11, residual networks."""

from math import comb

import numpy as np
from hypothesis import strategies as st

from coursekit.environment import quiet_keras
from coursekit.exercises.exercise import Exercise, Mistake, matrices, vectors

# %% [markdown] 11.1 Only the difference
# A dense residual block with two units: $h' = \phi(W_2\, \phi(W_1 h) + h)$ with $\phi$ the ReLU and $h \ge 0$. Choose matrices so that the
# block **exchanges** the two numbers, $h' = (h_2, h_1)$. What must the branch produce?
# %% 11.1
exchange = ...  # (W1, W2), each a list of two rows
### BEGIN SOLUTION
exchange = ([[1, 0], [0, 1]], [[-1, 1], [1, -1]])
### END SOLUTION


# %%
def residual(matrices_of_block, h):
    W1, W2 = (np.array(W, dtype=float) for W in matrices_of_block)
    return np.maximum(W2 @ np.maximum(W1 @ h, 0) + h, 0)


one, swap, difference = [[1, 0], [0, 1]], [[0, 1], [1, 0]], [[-1, 1], [1, -1]]
swapped = Exercise(
    "11.1",
    exchange,
    {"h": vectors(2, 0, 5)},
    apply=residual,
    hint="The sum with h comes after the branch. And what passes through the inner ReLU must not be negative.",
    mistakes={
        "the whole": Mistake(
            (one, swap), "The branch gives (h2, h1) itself, and then h is added to it: give the difference."
        ),
        "before the ReLU": Mistake(
            (difference, one), "The differences are right, but the inner ReLU cuts off the negative one."
        ),
        "sign": Mistake((one, [[1, -1], [-1, 1]]), "These are the differences with the other sign."),
        "nothing": Mistake(
            (one, [[0, 0], [0, 0]]), "With W2 = 0 the block is the identity: a fine start, not an exchange."
        ),
    },
)


# %% [markdown] 11.2 Many short paths
# $\prod_{k=1}^{L} (I + J_k)$ multiplied out is a sum over **paths**: at each of the $L$ blocks one goes through the branch or past it. A
# path's length is the number of branches on it. Which share of all paths is shorter than `length`?
# %% 11.2
def share_of_shorter(L, length):
    """The share of the paths that go through fewer than `length` of the L branches."""
    from math import comb

    ### BEGIN SOLUTION
    return sum(comb(L, k) for k in range(length)) / 2**L
    ### END SOLUTION


# %%
@st.composite
def depths(draw):
    L = draw(st.integers(1, 12))
    return {"L": L, "length": draw(st.integers(0, L))}


paths = Exercise(
    "11.2",
    share_of_shorter,
    depths(),
    hint="How many ways are there to choose k of L blocks (math.comb), and how many paths are there in all?",
    mistakes={
        "not longer": Mistake(
            lambda L, length: sum(comb(L, k) for k in range(length + 1)) / 2**L,
            "Paths of exactly this length are counted here, too: shorter, please.",
        ),
        "all lengths alike": Mistake(
            lambda L, length: length / (L + 1),
            "There are far more paths of middle length than very short or long ones.",
        ),
        "exactly": Mistake(
            lambda L, length: comb(L, length) / 2**L, "This is the share of paths of exactly this length."
        ),
        "without the shortest": Mistake(
            lambda L, length: sum(comb(L, k) for k in range(1, length)) / 2**L,
            "One path goes past all branches: its length is 0, and it counts.",
        ),
        "number": Mistake(
            lambda L, length: sum(comb(L, k) for k in range(length)), "This is how many there are: which share of all?"
        ),
    },
)


# %% [markdown] 11.3 Back through the block
# $a = W_1 h$, $F = W_2\, \phi(a)$, $h' = \phi(F + h)$. From behind comes $s = \partial R / \partial h'$ (by $h'$, not by a pre-activation). Derive $\partial R / \partial h$: $h$ counts
# twice. (No pre-activation in the cases is exactly 0.)
# %% 11.3
def residual_backward(h, W1, W2, s):
    """dR/dh, (n,); h and s: (n,); W1: (m, n); W2: (n, m)."""
    a = W1 @ h
    sum_ = W2 @ np.maximum(a, 0) + h
    ### BEGIN SOLUTION
    s_sum = (sum_ > 0) * s
    return s_sum + W1.T @ ((a > 0) * (W2.T @ s_sum))
    ### END SOLUTION


# %%
@st.composite
def residual_blocks(draw):
    n, m = draw(st.integers(1, 2)), draw(st.integers(1, 2))
    h, s = draw(vectors(n, 0.25, 2)), draw(vectors(n, -2, 2))
    return {"h": h, "W1": draw(matrices(m, n, -2, 2)), "W2": draw(matrices(n, m, -2, 2)), "s": s}


def off_the_kinks(case):
    a = case["W1"] @ case["h"]
    return np.all(a != 0) and np.all(case["W2"] @ np.maximum(a, 0) + case["h"] != 0)


def residual_wrong(kind):
    def answer(h, W1, W2, s):
        a = W1 @ h
        on = (W2 @ np.maximum(a, 0) + h > 0) * s
        before = s if kind == "no outer slope" else on
        branch = W1.T @ ((1 if kind == "no inner slope" else a > 0) * (W2.T @ before))
        past = {"no shortcut": 0 * s, "past both": s}.get(kind, before)
        return past * (W1.T @ ((a > 0) * (W2.T @ on))) if kind == "product" else past + branch

    return answer


way_back = Exercise(
    "11.3",
    residual_backward,
    residual_blocks().filter(off_the_kinks),
    hint="First back through the outer ReLU; then two ways lead to h, and what they bring is added.",
    mistakes={
        "no shortcut": Mistake(
            residual_wrong("no shortcut"), "This is the way through the branch alone: h also goes past it."
        ),
        "past both": Mistake(
            residual_wrong("past both"), "The shortcut ends before the outer ReLU: its slope belongs to this way, too."
        ),
        "no outer slope": Mistake(
            residual_wrong("no outer slope"), "Where F + h is negative, the outer ReLU passes nothing."
        ),
        "no inner slope": Mistake(
            residual_wrong("no inner slope"), "The branch has a ReLU as well: where is its slope?"
        ),
        "product": Mistake(residual_wrong("product"), "Two ways to the same h: their slopes add up."),
    },
)


# %% [markdown] 11.4 Fold it away
# At inference batch normalisation is a fixed scale and shift for each map. So it can be **built into** the convolution before it: find
# the kernel and the bias of one convolution that gives what convolution and normalisation give together.
# %% 11.4
def fold(kernel, bias, gamma, beta, mean, variance, epsilon=1e-3):
    """The new kernel, (f, f, c, n), and the new bias, (n,).

    kernel: (f, f, c, n); bias, gamma, beta and the moving averages mean, variance: (n,).
    """
    ### BEGIN SOLUTION
    scale = gamma / np.sqrt(variance + epsilon)
    return kernel * scale, (bias - mean) * scale + beta
    ### END SOLUTION


# %%
@st.composite
def normalised(draw):
    f, c, n = draw(st.integers(1, 2)), draw(st.integers(1, 2)), draw(st.integers(1, 2))
    kernel = draw(matrices(f * f * c, n, -2, 2)).reshape(f, f, c, n)
    limits = {"bias": (-2, 2), "gamma": (0.5, 2), "beta": (-2, 2), "mean": (-2, 2), "variance": (2, 4)}
    return {"kernel": kernel} | {name: draw(vectors(n, *sides)) for name, sides in limits.items()}


def folded(scale, shift):
    def answer(kernel, bias, gamma, beta, mean, variance):
        k = scale(gamma, variance + 1e-3)
        return kernel * k, shift(bias, beta, mean, k)

    return answer


def right_scale(gamma, v):
    return gamma / np.sqrt(v)


def right_shift(bias, beta, mean, k):
    return (bias - mean) * k + beta


folding = Exercise(
    "11.4",
    fold,
    normalised(),
    tolerance=1e-6,
    hint="Write gamma (a - mean) / sqrt(variance + epsilon) + beta with a = K * I + b, and sort: what multiplies K * I?",
    mistakes={
        "old bias": Mistake(
            folded(right_scale, lambda bias, beta, mean, k: bias - mean * k + beta),
            "The kernel is right. The convolution's own bias is normalised, too: it is scaled.",
        ),
        "mean not scaled": Mistake(
            folded(right_scale, lambda bias, beta, mean, k: bias * k - mean + beta),
            "The kernel is right. The mean is taken off before the scaling: it is scaled, too.",
        ),
        "beta scaled": Mistake(
            folded(right_scale, lambda bias, beta, mean, k: (bias - mean + beta) * k),
            "The kernel is right; but beta is added at the very end, after the scaling.",
        ),
        "variance": Mistake(
            folded(lambda gamma, v: gamma / v, right_shift),
            "Divide by the deviation: the root of variance plus epsilon.",
        ),
        "no gamma": Mistake(folded(lambda gamma, v: 1 / np.sqrt(v), right_shift), "gamma has no effect."),
        "kernel kept": Mistake(
            lambda kernel, *rest: (kernel, fold(kernel, *rest)[1]),
            "The bias is right; the kernel must be scaled as well.",
        ),
    },
)


# %% [markdown] 11.5 Nothing on the shortcut
# He et al. (2016b) moved normalisation and ReLU **into** the branch, each before its convolution, so that nothing stands on the
# shortcut: normalisation, ReLU, convolution (with its bias, as in the notebook's `conv`), twice over, and then the sum. Build it with
# Keras. (It is tried on maps of 3 × 3 pixels, with weights of ours.)
# %% 11.5
def preactivation_block(h, filters):
    """The block's output: 3 x 3 convolutions that keep the size; h has `filters` channels."""
    from keras import layers

    ### BEGIN SOLUTION
    F = h
    for _ in range(2):
        F = layers.ReLU()(layers.BatchNormalization()(F))
        F = layers.Conv2D(filters, 3, padding="same")(F)
    return layers.Add()([h, F])
    ### END SOLUTION


# %%
def measured(block):
    """Shape, parameters, and the mean of what the block makes of fixed maps with fixed weights."""
    keras = quiet_keras()
    h = keras.Input((3, 3, 2))
    out = block(h, 2)
    if out is None:
        return None
    model = keras.Model(h, out)
    draw = np.random.default_rng(0)
    weights = {w.shape: draw.uniform(-0.5, 1, w.shape) for w in model.weights if len(w.shape) > 1}
    vectors_ = {"gamma": [1.5, 0.5], "beta": [0.25, -0.5], "moving_mean": [0.5, -1], "moving_variance": [0.5, 2]}
    for w in model.weights:
        w.assign(weights.get(w.shape, vectors_.get(w.name, [0.125, -0.25])))
    maps = draw.normal(size=(1, 3, 3, 2))
    return {
        "shape": tuple(out.shape[1:]),
        "parameters": model.count_params(),
        "mean of each map": np.mean(model(maps), axis=(0, 1, 2)),
    }


def block_of(*order, end=(), shortcut=True):
    """A block from the parts n(ormalisation), r(elu) and c(onvolution), in this order."""

    def block(h, filters):
        from keras import layers

        parts = {"n": layers.BatchNormalization, "r": layers.ReLU}
        F = h
        for part in order:
            F = parts[part]()(F) if part in parts else layers.Conv2D(filters, 3, padding="same")(F)
        F = layers.Add()([h, F]) if shortcut else F
        for part in end:
            F = parts[part]()(F)
        return F

    return block


inside = Exercise(
    "11.5",
    preactivation_block,
    apply=measured,
    tolerance=1e-4,
    seconds=20,
    hint="In the branch, in this order: BatchNormalization, ReLU, Conv2D, and all three again; then Add.",
    mistakes={
        "notebook's": Mistake(
            block_of("c", "n", "r", "c", "n", end="r"),
            "This is the block of 2015: normalisation after the convolution.",
        ),
        "relu at the end": Mistake(
            block_of("n", "r", "c", "n", "r", "c", end="r"), "After the sum nothing follows: no ReLU on the shortcut."
        ),
        "no shortcut": Mistake(block_of("n", "r", "c", "n", "r", "c", shortcut=False), "The sum with h is missing."),
        "relu first": Mistake(block_of("r", "n", "c", "r", "n", "c"), "Normalise first, then the ReLU."),
        "no normalisation": Mistake(block_of("r", "c", "r", "c"), "There is no batch normalisation in it."),
        "once": Mistake(block_of("n", "r", "c"), "One convolution only: the three parts come twice."),
    },
)


# %% [markdown] 11.6 A smaller branch
# Divide $F$ by $\sqrt{L}$ in the notebook's `product` for the residual blocks without batch normalisation ($L$ is `depth`; the Jacobian
# $J$ is divided, too), from He's start. How large is the largest singular value now for 10, 20, 40 and 80 blocks, and which share of
# the directions is kept? Then divide by $L$.
# %%
smaller = Exercise(
    "11.6",
    hint="Every block adds the squares of branch and shortcut: by which factor does it grow now, and L blocks together?",
    expected=(
        "It stays between about 3 and 6 at any depth, where it was about 10 to the power of 15 for 80 blocks: "
        "He's start gives the branch twice the mean square of h, so that on average a block makes it at most 1 + 2/L times "
        "as large, and all L of them less than e squared times, at any depth. About half of the directions or more are kept, "
        "where it was a quarter for 10 blocks and a fiftieth for 80. Divided by L, the largest comes down towards 1 as the "
        "network gets deeper, and most directions are kept: at the start the blocks hardly do anything."
    ),
)

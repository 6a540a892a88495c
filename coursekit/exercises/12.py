"""Exercises of notebook 12, Inception."""

import numpy as np
from hypothesis import strategies as st

from coursekit.environment import quiet_keras
from coursekit.exercises.exercise import Exercise, Mistake, matrices, vectors


# %% [markdown] 12.1 When does narrowing pay?
# From $c$ channels to $n$ filters of $f \times f$, directly or through $r$ channels of 1 × 1 first. For which $r$ do both cost equally many
# multiply-adds? Derive it; it need not be a whole number. (The notebook takes $c = 192$, $n = 32$, $f = 5$ and $r = 16$: far from it?)
# %% 12.1
def break_even(c, n, f):
    """The r at which the narrowed branch costs as much as the direct one."""
    ### BEGIN SOLUTION
    return f**2 * c * n / (c + f**2 * n)
    ### END SOLUTION


# %%
even = Exercise(
    "12.1",
    break_even,
    {"c": st.integers(1, 256), "n": st.integers(1, 256), "f": st.sampled_from((3, 5, 7))},
    hint="Per pixel: f f c n on one side; on the other the 1 x 1 costs c r, and the large filter reads only r channels.",
    mistakes={
        "1 x 1 forgotten": Mistake(
            lambda c, n, f: float(c), "The 1 x 1 convolution costs something, too: that is what limits r."
        ),
        "1 x 1 at every pixel of the filter": Mistake(
            lambda c, n, f: c * n / (c + n), "The 1 x 1 has one weight for each pair of channels, not f x f."
        ),
        "f": Mistake(
            lambda c, n, f: f * c * n / (c + f * n), "A filter has f x f weights for each channel: f comes in squared."
        ),
        "channels exchanged": Mistake(
            lambda c, n, f: f**2 * c * n / (n + f**2 * c),
            "The 1 x 1 stands before the large filter: it reads c and makes r.",
        ),
    },
)


# %% [markdown] 12.2 A map of evidence
# GoogLeNet ends with $\bar h$, the mean of each map, and the scores $W \bar h + b$. Mean and matrix may change places: write a map for each
# class whose **mean over the pixels is the class's score**. It shows where in the image the evidence lies (Zhou et al. 2016). How do you
# share out $b$?
# %% 12.2
def evidence(h, W, b):
    """(height, width, classes) from the last maps h, (height, width, c); W: (classes, c)."""
    ### BEGIN SOLUTION
    return h @ W.T + b
    ### END SOLUTION


# %%
@st.composite
def last_maps(draw):
    height, width, c, classes = (draw(st.integers(1, 2)) for _ in range(4))
    h = draw(matrices(height * width, c, 0, 3)).reshape(height, width, c)
    return {"h": h, "W": draw(matrices(classes, c, -2, 2)), "b": draw(vectors(classes, -2, 2))}


def on_softmax(h, W, b):
    e = np.exp(h @ W.T + b - np.max(h @ W.T + b, axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


where = Exercise(
    "12.2",
    evidence,
    last_maps(),
    hint="The mean is a sum over the pixels, and a sum may be taken after the matrix as well as before it.",
    mistakes={
        "b shared out": Mistake(
            lambda h, W, b: h @ W.T + b / h[..., 0].size, "The mean of all pixels' b must be b: so what is each one's?"
        ),
        "no b": Mistake(lambda h, W, b: h @ W.T, "The mean of this is the score without b."),
        "sum": Mistake(
            lambda h, W, b: (h @ W.T + b) / h[..., 0].size,
            "The pixels of this add up to the score; it is their mean that shall be the score.",
        ),
        "relu": Mistake(
            lambda h, W, b: np.maximum(h @ W.T + b, 0), "Evidence against a class is negative, and it counts: no ReLU."
        ),
        "softmax": Mistake(on_softmax, "The mean of softmaxes is not the softmax of the mean: stay with the scores."),
    },
)


# %% [markdown] 12.3 A separable convolution is an ordinary one
# Xception filters each channel alone, with a kernel of its own, then mixes the channels of each pixel by a 1 × 1. Both are linear: which
# single ordinary kernel does the same? (Keras keeps its weights as $(f, f, c, n)$.) What does that say about the kernels that a
# separable layer can have?
# %% 12.3
def ordinary_kernel(depth, point):
    """(f, f, c, n) from depth, (f, f, c), a kernel for each channel, and point, (c, n)."""
    ### BEGIN SOLUTION
    return depth[..., None] * point
    ### END SOLUTION


# %%
@st.composite
def separable(draw):
    f, c, n = (draw(st.integers(1, 2)) for _ in range(3))
    return {"depth": draw(matrices(f * f, c, -2, 2)).reshape(f, f, c), "point": draw(matrices(c, n, -2, 2))}


one_kernel = Exercise(
    "12.3",
    ordinary_kernel,
    separable(),
    hint="Which weight does the pixel (i, j) of the window, in channel c, get on its way to output k? Two factors.",
    mistakes={
        "channels added": Mistake(
            lambda depth, point: np.broadcast_to((depth @ point)[:, :, None, :], (*depth.shape, point.shape[1])).copy(),
            "The sum over the channels belongs to the convolution: the kernel keeps a plane for each.",
        ),
        "1 x 1 alone": Mistake(
            lambda depth, point: np.broadcast_to(point, (*depth.shape[:2], *point.shape)).copy(),
            "The channels are mixed, but their own kernels have no effect.",
        ),
        "channels alone": Mistake(
            lambda depth, point: np.repeat(depth[..., None], point.shape[1], axis=-1),
            "Each channel has its kernel, but the 1 x 1 has no effect.",
        ),
        "sum": Mistake(
            lambda depth, point: depth[..., None] + point, "One convolution after the other multiplies weights."
        ),
        "turned": Mistake(
            lambda depth, point: depth[::-1, ::-1, :, None] * point,
            "The kernels are turned by half a turn: leave them so.",
        ),
    },
)


# %% [markdown] 12.4 Two 3 × 3 in the place of the 5 × 5
# Inception v2 puts **two** 3 × 3 convolutions of $n_5$ filters each in the place of the 5 × 5 of $n_5$ filters; all else stays.
# Count the block's parameters, biases included.
# %% 12.4
def block_parameters(c, branch_1x1, branch_3x3, branch_5x5, branch_pool):
    """Parameters of the block; c: input channels; filters as for the notebook's block."""
    n1, (r3, n3), (r5, n5), n_p = branch_1x1, branch_3x3, branch_5x5, branch_pool
    ### BEGIN SOLUTION
    ones = (n1 + r3 + r5 + n_p) * (c + 1)  # all 1 x 1 read the block's input
    threes = (9 * r3 + 1) * n3 + (9 * r5 + 1) * n5 + (9 * n5 + 1) * n5
    return ones + threes
    ### END SOLUTION


# %%
few = st.integers(1, 4)
budget_cases = {"c": few, "branch_1x1": few, "branch_3x3": st.tuples(few, few), "branch_5x5": st.tuples(few, few)}


def counted(fives, bias=1):
    def answer(c, n1, three, five, n_p):
        (r3, n3), (r5, n5) = three, five
        parts = [(1, c, n1), (1, c, r3), (3, r3, n3), (1, c, r5), *fives(r5, n5, c), (1, c, n_p)]
        return sum((f * f * read + bias) * made for f, read, made in parts)

    return answer


def two_threes(r5, n5, c):
    return [(3, r5, n5), (3, n5, n5)]


budget = Exercise(
    "12.4",
    block_parameters,
    budget_cases | {"branch_pool": few},
    hint="List all seven convolutions: the size of their filters, the channels that they read, the filters that they have.",
    mistakes={
        "one 5 x 5": Mistake(
            counted(lambda r5, n5, c: [(5, r5, n5)]), "This is the notebook's block: it has the 5 x 5."
        ),
        "second reads r5": Mistake(
            counted(lambda r5, n5, c: [(3, r5, n5)] * 2), "The second 3 x 3 reads what the first one makes."
        ),
        "first reads c": Mistake(
            counted(lambda r5, n5, c: [(3, c, n5), (3, n5, n5)]),
            "The first 3 x 3 reads the narrowed channels, not all c.",
        ),
        "first keeps r5": Mistake(
            counted(lambda r5, n5, c: [(3, r5, r5), (3, r5, n5)]), "Both 3 x 3 have n5 filters, the first one, too."
        ),
        "one 3 x 3": Mistake(counted(lambda r5, n5, c: [(3, r5, n5)]), "Only one of the two 3 x 3 is counted."),
        "no biases": Mistake(counted(two_threes, 0), "The biases are missing."),
    },
)


# %% [markdown] 12.5 Build it
# Build that block with Keras: the notebook's `inception_block` with two 3 × 3 in the place of the 5 × 5, each convolution with a ReLU,
# the branches joined in the notebook's order. It is tried on maps of 4 × 4 pixels with weights of ours.
# %% 12.5
def inception_v2_block(x, branch_1x1, branch_3x3, branch_5x5, branch_pool):
    """(batch, height, width, all filters together) from x, (batch, height, width, c)."""
    from keras import layers

    def conv(x, filters, f):
        return layers.Conv2D(filters, f, padding="same", activation="relu")(x)

    ### BEGIN SOLUTION
    ones = conv(x, branch_1x1, 1)
    threes = conv(conv(x, branch_3x3[0], 1), branch_3x3[1], 3)
    fives = conv(conv(conv(x, branch_5x5[0], 1), branch_5x5[1], 3), branch_5x5[1], 3)
    pooled = layers.MaxPooling2D(3, strides=1, padding="same")(x)
    return layers.Concatenate()([ones, threes, fives, conv(pooled, branch_pool, 1)])
    ### END SOLUTION


# %%
def measured(block):
    """Shape, parameters, and the mean of each map for fixed maps and weights."""
    keras = quiet_keras()
    x = keras.Input((4, 4, 3))
    out = block(x, 1, (2, 3), (4, 2), 1)
    if out is None:
        return None
    model = keras.Model(x, out)
    for w in model.weights:  # by shape alone, so that the order of the branches does not matter
        w.assign(np.random.default_rng([len(w.shape), *w.shape]).uniform(-0.3, 0.5, w.shape))
    maps = np.random.default_rng(0).normal(size=(1, 4, 4, 3))
    return {
        "shape": tuple(out.shape[1:]),
        "parameters": model.count_params(),
        "mean of each map": np.mean(model(maps), axis=(0, 1, 2)),
    }


def built(kind):
    def block(x, branch_1x1, branch_3x3, branch_5x5, branch_pool):
        from keras import layers

        def conv(x, filters, f, activation="relu"):
            return layers.Conv2D(filters, f, padding="same", activation=activation)(x)

        ones, threes = conv(x, branch_1x1, 1), conv(conv(x, branch_3x3[0], 1), branch_3x3[1], 3)
        narrow = x if kind == "not narrowed" else conv(x, branch_5x5[0], 1)
        if kind == "5 x 5":
            fives = conv(narrow, branch_5x5[1], 5)
        else:
            first = conv(narrow, branch_5x5[1], 3, None if kind == "one relu" else "relu")
            fives = first if kind == "one 3 x 3" else conv(first, branch_5x5[1], 3)
        pooled = x if kind == "no pooling" else layers.MaxPooling2D(3, strides=1, padding="same")(x)
        pooled = pooled if kind == "pooling bare" else conv(pooled, branch_pool, 1)
        order = [ones, fives, threes, pooled] if kind == "order" else [ones, threes, fives, pooled]
        return layers.Concatenate()(order)

    return block


build = Exercise(
    "12.5",
    inception_v2_block,
    apply=measured,
    tolerance=1e-4,
    seconds=20,
    hint="Take the notebook's block and change the one line that makes the 5 x 5.",
    mistakes={
        "5 x 5": Mistake(built("5 x 5"), "This is the notebook's block: the 5 x 5 is still in it."),
        "one 3 x 3": Mistake(built("one 3 x 3"), "Two 3 x 3 see 5 x 5 pixels; here is only one."),
        "one relu": Mistake(
            built("one relu"), "Between the two 3 x 3 there is no ReLU: together they are one linear filter."
        ),
        "not narrowed": Mistake(built("not narrowed"), "The 1 x 1 before the two 3 x 3 is missing."),
        "pooling bare": Mistake(
            built("pooling bare"), "After the pooling a 1 x 1 narrows: all of its channels go through."
        ),
        "no pooling": Mistake(built("no pooling"), "The last branch does not pool."),
        "order": Mistake(
            built("order"), "The branches are joined in another order: 1 x 1, 3 x 3, the two 3 x 3, pooling."
        ),
    },
)


# %% [markdown] 12.6 Is it cheaper?
# "Two 3 × 3 over one 5 × 5: 0.72 of the weights", says the notebook. In the loop over `architectures.GOOGLENET` replace the multiply-adds
# of the 5 × 5, $25\, r_5 n_5$, by those of two 3 × 3 as in exercise 12.4. What do the nine blocks cost now? For which $n_5 / r_5$ is it a
# saving?
# %%
cheaper = Exercise(
    "12.6",
    hint="The first 3 x 3 reads r5 channels, the second n5. How many n5 are there in GoogLeNet for each r5?",
    expected=(
        "It costs more: 1,161 million multiply-adds in the nine blocks instead of 1,104, about 5 % more, and every single block "
        "costs more. The 5 x 5 reads few channels and makes 2 to 4 times as many, so that the second 3 x 3 has far more to read "
        "than the first. 9 r5 n5 + 9 n5 n5 is below 25 r5 n5 only if n5 is below 16/9 of r5; 0.72 holds for n5 = r5."
    ),
)

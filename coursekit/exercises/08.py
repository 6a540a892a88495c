"""Exercises of notebook 08, convolution and pooling."""

import numpy as np
from hypothesis import strategies as st

from coursekit.exercises.exercise import Exercise, Mistake, matrices, vectors

# %% [markdown] 08.1 A kernel that sees bends
# In one dimension, three weights. Find the kernel that gives 0 wherever a line is **level** (1, 1, 1) and wherever it **rises evenly**
# (1, 2, 3), but 2 on the squares (0, 1, 4). Where would it answer in a photograph?
# %% 08.1
bend = ...  # (K_0, K_1, K_2)
### BEGIN SOLUTION
bend = (1, -2, 1)
### END SOLUTION


# %%
def slid(kernel, line):
    k0, k1, k2 = kernel
    return k0 * line[:-2] + k1 * line[1:-1] + k2 * line[2:]


lines = st.sampled_from([(1, 1, 1), (1, 2, 3), (0, 1, 4), (3, 2, 1), (0, 1, 4, 9), (0, 0, 1, 2)])
second = Exercise(
    "08.1",
    bend,
    {"line": lines.map(np.array)},
    apply=slid,
    hint="Three conditions, three unknowns: write them down and solve.",
    mistakes={
        "first difference": Mistake(
            (-0.5, 0, 0.5), "This is a slope: it answers on every rise. Bends are where the slope changes."
        ),
        "sign": Mistake((-1, 2, -1), "Right up to its sign: the squares bend upwards and should give 2, not -2."),
        "half": Mistake((0.5, -1, 0.5), "It sees bends alone, but answers only half as much as asked for."),
        "mean": Mistake((1 / 3, 1 / 3, 1 / 3), "This blurs: its weights add up to 1, so that a level line stays."),
        "sharpen": Mistake((-1, 3, -1), "Its weights add up to 1: a level line is kept. They must add up to 0."),
    },
)


# %% [markdown] 08.2 Count a whole network
# Images of $h \times h$ pixels and $c$ channels go through some stages: a convolution of $n$ filters of $f \times f$ ("valid", stride 1),
# then pooling of 2 × 2 with stride 2, which leaves a last odd row and column out. Then `Flatten` and a dense layer. How many
# parameters? Predict it for 32 × 32 × 3, the stages (5, 6) and (5, 16), and 10 outputs; then build that in Keras and compare.
# %% 08.2
def network_parameters(h, c, stages, outputs):
    """All weights and biases; stages: a list of pairs (f, n)."""
    ### BEGIN SOLUTION
    total = 0
    for f, n in stages:
        total += (f * f * c + 1) * n
        h, c = (h - f + 1) // 2, n
    total += (h * h * c + 1) * outputs
    return total
    ### END SOLUTION


# %%
@st.composite
def plans(draw):
    stages = draw(st.lists(st.tuples(st.sampled_from((3, 5, 2)), st.integers(1, 4)), min_size=1, max_size=2))
    h = draw(st.integers(1, 3))
    for f, _ in reversed(stages):
        h = 2 * h + draw(st.integers(0, 1)) + f - 1
    return {"h": h, "c": draw(st.integers(1, 3)), "stages": stages, "outputs": draw(st.integers(1, 10))}


def counted(weights=lambda f, c, h: f * f * c + 1, size=lambda h, f: (h - f + 1) // 2, channels=lambda n, c: n):
    def answer(h, c, stages, outputs):
        total = 0
        for f, n in stages:
            total += weights(f, c, h) * n
            h, c = size(h, f), channels(n, c)
        return total + (h * h * c + 1) * outputs

    return answer


budget = Exercise(
    "08.2",
    network_parameters,
    plans(),
    hint="Carry two numbers from stage to stage: the size of the maps, and how many there are.",
    mistakes={
        "image size": Mistake(
            counted(lambda f, c, h: h * h * c + 1), "A filter has f x f weights a channel, whatever the image's size."
        ),
        "no channels": Mistake(
            counted(lambda f, c, h: f * f + 1), "A filter has a plane for each channel that comes in."
        ),
        "no biases": Mistake(counted(lambda f, c, h: f * f * c), "The biases of the filters are missing."),
        "no pooling": Mistake(
            counted(size=lambda h, f: h - f + 1), "Pooling has no weights, but it halves the maps that the end reads."
        ),
        "same padding": Mistake(counted(size=lambda h, f: h // 2), "Without padding a convolution shrinks the maps."),
        "channels multiplied": Mistake(
            counted(channels=lambda n, c: n * c), "n filters make n maps, however many channels they read."
        ),
    },
)


# %% [markdown] 08.3 Two kernels in a row are one
# $K_2 * (K_1 * I)$ is linear in $I$ and asks the same question everywhere, so a single kernel does it. Which? Put one formula
# into the other. (Two of 3 × 3: how large is it, and how many weights do you save by leaving them apart?)
# %% 08.3
def in_one(K1, K2):
    """K with K * I = K2 * (K1 * I); K1: (f, f), K2: (g, g), K: (f + g - 1, f + g - 1)."""
    f, g = len(K1), len(K2)
    ### BEGIN SOLUTION
    # two of 3 x 3 make one of 5 x 5: 18 weights apart, 25 in one
    K = np.zeros((f + g - 1, f + g - 1))
    for m in range(g):
        for n in range(g):
            K[m : m + f, n : n + f] += K2[m, n] * K1
    return K
    ### END SOLUTION


# %%
@st.composite
def kernel_pairs(draw):
    f, g = draw(st.integers(1, 3)), draw(st.integers(1, 3))
    return {"K1": draw(matrices(f, f, -2, 2)), "K2": draw(matrices(g, g, -2, 2))}


def padded_sum(K1, K2):
    K = np.zeros((len(K1) + len(K2) - 1,) * 2)
    K[: len(K1), : len(K1)] += K1
    K[: len(K2), : len(K2)] += K2
    return K


def overwritten(K1, K2):
    K = np.zeros((len(K1) + len(K2) - 1,) * 2)
    for m, n in np.ndindex(K2.shape):
        K[m : m + len(K1), n : n + len(K1)] = K2[m, n] * K1
    return K


stacked = Exercise(
    "08.3",
    in_one,
    kernel_pairs(),
    hint="K2(m, n) multiplies the map of K1 taken m further down and n further right: a moved copy of K1.",
    mistakes={
        "turned": Mistake(
            lambda K1, K2: in_one(K1, K2[::-1, ::-1]),
            "K2 is turned here: this is K1 correlated with K2, the wrong way round.",
        ),
        "sum": Mistake(padded_sum, "The kernels are not added: each weight of the one multiplies all of the other."),
        "overwritten": Mistake(overwritten, "The moved copies overlap: they must add up, not replace each other."),
        "transposed": Mistake(lambda K1, K2: in_one(K1, K2).T, "Rows and columns have changed places."),
    },
)


# %% [markdown] 08.4 Backwards with a stride
# In one dimension with the stride $d$: $a_i = \sum_m K_m\, x_{d i + m}$. From behind comes $s_i = \partial R / \partial a_i$. Derive the slopes
# of the kernel **and** of the pixels. (A pixel may lie in several windows, or in none.)
# %% 08.4
def conv_backward(x, K, s, d):
    """dR/dK, (f,), and dR/dx, (pixels,); x: (pixels,), K: (f,), s: (places,), stride d."""
    dK, dx = np.zeros(len(K)), np.zeros(len(x))
    ### BEGIN SOLUTION
    for i, slope in enumerate(s):
        window = slice(d * i, d * i + len(K))
        dK += slope * x[window]
        dx[window] += slope * K
    return dK, dx
    ### END SOLUTION


# %%
@st.composite
def strided(draw):
    f, d, places = draw(st.integers(1, 3)), draw(st.integers(1, 3)), draw(st.integers(1, 3))
    pixels = f + d * (places - 1) + draw(st.integers(0, d - 1))
    pixel_values = draw(vectors(pixels, -2, 2))
    return {"x": pixel_values, "K": draw(vectors(f, -2, 2)), "s": draw(vectors(places, -2, 2)), "d": d}


def backward_wrong(kind):
    def answer(x, K, s, d):
        dK, dx = np.zeros(len(K)), np.zeros(len(x))
        for i, slope in enumerate(s):
            start = i if kind == "no stride" else d * i
            window = slice(start, start + len(K))
            dK = dK + slope * x[window] if kind != "last place" else slope * x[window]
            share = slope * (K[::-1] if kind == "turned" else K)
            dx[window] = share if kind == "replaced" else dx[window] + share
        return dK / len(s) if kind == "mean" else dK, dx

    return answer


slopes = Exercise(
    "08.4",
    conv_backward,
    strided(),
    hint="Go through the places i: which pixels does a_i hold, each times which weight? Hand the shares back, and add.",
    mistakes={
        "replaced": Mistake(
            backward_wrong("replaced"), "A pixel in two windows gets two shares: add them, do not replace the first."
        ),
        "turned": Mistake(
            backward_wrong("turned"), "dK is right; a pixel gets back the weight that it was multiplied with."
        ),
        "no stride": Mistake(backward_wrong("no stride"), "The window of place i starts at pixel d i, not at i."),
        "last place": Mistake(backward_wrong("last place"), "A shared weight sums its slopes over all places."),
        "mean": Mistake(backward_wrong("mean"), "dK is a sum over the places, not their mean."),
    },
)


# %% [markdown] 08.5 A winner of two windows
# AlexNet's pooling windows **overlap**: in one dimension, 3 pixels at stride 2. Send $s$ back through such a max-pooling. (No two
# pixels are equal.)
# %% 08.5
def pool_backward(x, s):
    """dR/dx, (pixels,), for max-pooling of 3 at stride 2; s: (places,), one a window."""
    dx = np.zeros(len(x))
    ### BEGIN SOLUTION
    for i, slope in enumerate(s):
        dx[2 * i + np.argmax(x[2 * i : 2 * i + 3])] += slope
    return dx
    ### END SOLUTION


# %%
@st.composite
def overlapping(draw):
    places = draw(st.integers(1, 3))
    x = np.array(draw(st.permutations(range(2 * places + 1))), dtype=float)
    return {"x": x, "s": draw(vectors(places, -2, 2))}


def pooled_back(kind):
    def answer(x, s):
        dx = np.zeros(len(x))
        for i, slope in enumerate(s):
            window = x[2 * i : 2 * i + 3]
            winner = 2 * i + np.argmax(window)
            if kind == "mean":
                dx[2 * i : 2 * i + 3] += slope / 3
            elif kind == "all":
                dx[2 * i : 2 * i + 3] += slope
            elif kind == "times value":
                dx[winner] += slope * x[winner]
            elif kind == "replaced":
                dx[winner] = slope
            else:
                dx[winner - 2 * i] += slope
        return dx

    return answer


winners = Exercise(
    "08.5",
    pool_backward,
    overlapping(),
    hint="One window at a time: np.argmax says where in the window the largest pixel is.",
    mistakes={
        "replaced": Mistake(pooled_back("replaced"), "A pixel can win two windows, and then gets the slopes of both."),
        "mean": Mistake(
            pooled_back("mean"), "That is the way back through mean-pooling: here the winner takes it all."
        ),
        "all": Mistake(pooled_back("all"), "Nudge a pixel that did not win: does the maximum change?"),
        "times value": Mistake(pooled_back("times value"), "The maximum passes the winner on as it is: with slope 1."),
        "place in the window": Mistake(
            pooled_back("place in the window"), "argmax counts within the window: where does window i start?"
        ),
    },
)


# %% [markdown] 08.6 Equivariant at stride 2?
# Convolve the temple (`grey`) with Sobel's kernel at stride 2: every second row and column of `slide(sobel, grey)`. Move the image
# to the right by $d = 1, 2, 3, 4$ pixels (`np.roll`). For which $d$ does the map only move, and how far? (Leave out the first columns, at
# the seam, as the notebook does with `after[:, d:]` and `before[:, :-d]`.) What does the map hold for the other $d$? And after
# two such layers?
# %%
steps = Exercise(
    "08.6",
    hint="Which windows does the layer look at, and which of the image's pixels lie in them after the move?",
    expected=(
        "For even d the map moves by d / 2 places, exactly (away from the seam). For odd d it holds the windows in between, "
        "which were left out before: another map, that no shift turns into the first. Two such layers are equivariant for "
        "shifts by multiples of 4."
    ),
)

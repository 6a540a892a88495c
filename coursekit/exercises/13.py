"""Exercises of notebook 13, transfer learning."""

import numpy as np
from hypothesis import strategies as st

from coursekit.exercises.exercise import Exercise, Mistake, matrices, vectors


# %% [markdown] 13.1 What a block costs
# An inverted residual block makes $e\,c$ maps of its $c$ maps by a 1 × 1 convolution, filters each of them alone with
# an $f \times f$ filter, and makes $n$ maps of them by another 1 × 1 convolution. None of the three has a bias. How
# many weights are these? Compare with one full convolution of $f \times f$ from $c$ to $n$ maps, and with one from
# $e\,c$ to $e\,c$ maps.
# %% 13.1
def block_weights(c, n, e, f):
    """How many weights the block has; c maps come in, n go out, e is the expansion."""
    ### BEGIN SOLUTION
    wide = e * c
    return c * wide + f**2 * wide + wide * n
    ### END SOLUTION


# %%
block = Exercise(
    "13.1",
    block_weights,
    {"c": st.integers(1, 8), "n": st.integers(1, 8), "e": st.integers(1, 6), "f": st.sampled_from((3, 5))},
    hint=(
        "Count each of the three steps for itself. A depthwise filter has one "
        "number for each of its places, and no more."
    ),
    mistakes={
        "full in the middle": Mistake(
            lambda c, n, e, f: c * e * c + f**2 * (e * c) ** 2 + e * c * n,
            "The filters in the middle are depthwise: each looks at one map only.",
        ),
        "not widened": Mistake(
            lambda c, n, e, f: c * e * c + f**2 * c + c * n,
            "After the first step there are more than c maps; the other two steps work on all of them.",
        ),
        "middle not widened": Mistake(
            lambda c, n, e, f: c * e * c + f**2 * c + e * c * n, "The depthwise filters stand where the block is wide."
        ),
        "separable alone": Mistake(
            lambda c, n, e, f: f**2 * e * c + e * c * n, "The 1 × 1 convolution that widens has weights as well."
        ),
    },
)


# %% [markdown] 13.2 The scale of another network
# VGG16's first weights were learned from pixels 0 … 255 in the order blue, green, red, minus the training set's mean of
# each colour: 103.939 (blue), 116.779 (green), 123.68 (red). Ours are in [0, 1], in the order red, green, blue. Write
# its scale, in place of `as_it_learned`.
# %% 13.2
BLUE_GREEN_RED = np.array([103.939, 116.779, 123.68])


def as_vgg_learned(images):
    """images: (n, height, width, 3) in [0, 1], red first; the same shape, as VGG16 wants it."""
    ### BEGIN SOLUTION
    return 255 * images[..., ::-1] - BLUE_GREEN_RED
    ### END SOLUTION


# %%
@st.composite
def few_pixels(draw):
    rows, columns = draw(st.integers(1, 2)), draw(st.integers(1, 2))
    return {"images": draw(vectors(rows * columns * 3, 0, 1)).reshape(1, rows, columns, 3)}


vgg = Exercise(
    "13.2",
    as_vgg_learned,
    few_pixels(),
    hint="[..., ::-1] turns the last axis round. Which of the two arrays is in which order?",
    mistakes={
        "red first": Mistake(
            lambda images: 255 * images - BLUE_GREEN_RED, "The colours are still in the order red, green, blue."
        ),
        "both turned": Mistake(
            lambda images: 255 * images[..., ::-1] - BLUE_GREEN_RED[::-1],
            "The means stand in the network's order already: from blue the mean of red is taken.",
        ),
        "not 255": Mistake(
            lambda images: images[..., ::-1] - BLUE_GREEN_RED, "The means count in 0 … 255, the pixels in [0, 1]."
        ),
        "all axes turned": Mistake(
            lambda images: 255 * images[..., ::-1, ::-1] - BLUE_GREEN_RED,
            "This mirrors the photograph too: only the axis of the colours is to be turned round.",
        ),
    },
)


# %% [markdown] 13.3 Why this breed and not that one?
# A class activation map tells where the score of breed $c$ comes from. Where does the network see that it is $c$
# *rather than* $d$? Derive a map $M(i, j)$ from the maps $A$, whose mean over the places is $s_c - s_d$ **exactly**,
# biases and all: what they add is the same number at each place.
# %% 13.3
def rather_than(A, w, b, c, d):
    """The map (H, W).

    A: maps (H, W, channels); w: (channels, classes) and b: (classes,) of the last layer.
    """
    ### BEGIN SOLUTION
    return A @ (w[:, c] - w[:, d]) + b[c] - b[d]
    ### END SOLUTION


# %%
@st.composite
def two_breeds(draw):
    rows, columns, channels = (draw(st.integers(1, 2)) for _ in range(3))
    return {
        "A": draw(vectors(rows * columns * channels, -2, 2)).reshape(rows, columns, channels),
        "w": draw(matrices(channels, 3, -2, 2)),
        "b": draw(vectors(3, -2, 2)),
        "c": draw(st.just(0)),
        "d": draw(st.integers(1, 2)),
    }


def share_of_bias(A, w, b, c, d):
    return A @ (w[:, c] - w[:, d]) + (b[c] - b[d]) / A[..., 0].size


rather = Exercise(
    "13.3",
    rather_than,
    two_breeds(),
    hint="Write s_c - s_d as one mean over the places. The mean of a constant is that constant.",
    mistakes={
        "no biases": Mistake(lambda A, w, b, c, d: A @ (w[:, c] - w[:, d]), "Its mean lacks the biases."),
        "biases divided": Mistake(
            share_of_bias, "The *mean* over the places must hold the biases whole: you divide by H W twice."
        ),
        "other way round": Mistake(
            lambda A, w, b, c, d: -rather_than(A, w, b, c, d), "This speaks for d rather than c."
        ),
        "c alone": Mistake(
            lambda A, w, b, c, d: A @ w[:, c] + b[c],
            "This is the map of c alone: what speaks for d as well is still in it.",
        ),
    },
)


# %% [markdown] 13.4 Cover it and see
# Another way to ask where a network looks: cover one square of the image with grey (0.5) and see how far the score
# **falls**; then the next square, at every place where it fits. Here the network is as simple as can be,
# $s = \sum_{ij} w_{ij} x_{ij}$.
# %% 13.4
def occlusion(x, w, size):
    """How far the score falls, by the square's upper left corner.

    x, w: (H, W); size: the square's side in pixels; returns (H - size + 1, W - size + 1).
    """
    ### BEGIN SOLUTION
    rows, columns = np.array(x.shape) - size + 1
    falls = np.zeros((rows, columns))
    for i in range(rows):
        for j in range(columns):
            covered = x.copy()
            covered[i : i + size, j : j + size] = 0.5
            falls[i, j] = np.sum(w * x) - np.sum(w * covered)
    return falls
    ### END SOLUTION


# %%
@st.composite
def covered_images(draw):
    rows, columns = draw(st.integers(2, 3)), draw(st.integers(2, 3))
    size = draw(st.integers(1, 2))
    return {"x": draw(matrices(rows, columns, 0, 1)), "w": draw(matrices(rows, columns, -2, 2)), "size": size}


def covering(grey=0.5, step=1, again=True):
    def answer(x, w, size):
        covered, falls = x.copy(), []
        for i in range(0, len(x) - size + 1, step):
            for j in range(0, x.shape[1] - size + 1, step):
                covered = x.copy() if again else covered
                covered[i : i + size, j : j + size] = grey
                falls.append(np.sum(w * (x - covered)))
        return np.array(falls).reshape(len(range(0, len(x) - size + 1, step)), -1)

    return answer


occluded = Exercise(
    "13.4",
    occlusion,
    covered_images(),
    hint="Two loops over the corners; in each, a fresh copy of the image with a grey square in it.",
    mistakes={
        "rise": Mistake(
            lambda x, w, size: -occlusion(x, w, size), "How far the score *falls* is asked for: before less after."
        ),
        "black": Mistake(covering(grey=0), "The square is grey, 0.5; a black one is a dark thing in the picture."),
        "squares stay": Mistake(
            covering(again=False), "The squares before are still there: take a fresh copy each time."
        ),
        "side by side": Mistake(
            lambda x, w, size: covering(step=size)(x, w, size),
            "The square moves by one pixel at a time, not by its own side.",
        ),
    },
)


# %% [markdown] 13.5 Hand over a last layer
# A regression learned on standardised features, $(h - m) / d$ with the mean $m$ and the deviation $d$ of each. The
# network that is to be fine-tuned gives plain $h$. Which $W'$ and $b'$ make its last layer give the same scores from
# $h$?
# %% 13.5
def for_plain_features(W, b, m, d):
    """W' and b', a pair.

    W: (features, classes), b: (classes,), m, d: (features,).
    """
    ### BEGIN SOLUTION
    scaled = W / d[:, None]
    return scaled, b - m @ scaled
    ### END SOLUTION


# %%
@st.composite
def last_layers(draw):
    features, classes = draw(st.integers(1, 3)), draw(st.integers(1, 2))
    return {
        "W": draw(matrices(features, classes, -2, 2)),
        "b": draw(vectors(classes, -2, 2)),
        "m": draw(vectors(features, -2, 2)),
        "d": draw(vectors(features, 0.5, 2)),
    }


hand_over = Exercise(
    "13.5",
    for_plain_features,
    last_layers(),
    hint="Write out ((h - m) / d) W + b. What multiplies h, and what is left over?",
    mistakes={
        "bias kept": Mistake(
            lambda W, b, m, d: (W / d[:, None], b), "W' is right. The mean that was subtracted must reach the bias."
        ),
        "mean not divided": Mistake(
            lambda W, b, m, d: (W / d[:, None], b - m @ W), "The mean, too, was divided by the deviation."
        ),
        "times d": Mistake(
            lambda W, b, m, d: (W * d[:, None], b - m @ (W * d[:, None])),
            "A feature with a large deviation was made smaller before; its weight must make up for that.",
        ),
        "mean added": Mistake(
            lambda W, b, m, d: (W / d[:, None], b + m @ (W / d[:, None])), "The mean was taken away from h, not added."
        ),
    },
)


# %% [markdown] 13.6 The nearest neighbour in features
# Draw the curve of one nearest neighbour on the features beside that of the layer, on the same draws. Who wins with one
# photograph a breed, who with thirty? And take the features behind a block half-way (`stage4_block3_add`): do they
# serve a breed as well?
# %%
neighbour = Exercise(
    "13.6",
    hint=(
        "With one photograph a breed, which border does the layer draw between two of "
        "them, and which the nearest neighbour?"
    ),
    expected=(
        "With one photograph a breed there is hardly a difference: the layer's border lies half-way between the photographs, as the "
        "nearest neighbour's does (about 0.7 for both). From ten on the layer wins on nearly every draw, by a few points: it weighs "
        "the features, where the neighbour counts all alike. Half-way up the network the features tell "
        "breeds far worse: about 0.6 with all photographs (guessing is 1/3), where the last ones give above 0.9."
    ),
)

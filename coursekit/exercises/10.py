"""Exercises of notebook 10, AlexNet and VGG16."""

import numpy as np
from hypothesis import strategies as st

from coursekit.exercises.exercise import Exercise, Mistake, matrices

# %% [markdown] 10.1 Nothing left over
# AlexNet on 227 × 227 pixels: conv1 (11 × 11, stride 4, no padding) and the three poolings (3 × 3, stride 2) all fit exactly, without
# the floor. (The other convolutions keep the size.) Which is the **next larger** image size for which that is so?
# %% 10.1
next_size = ...  # pixels
### BEGIN SOLUTION
next_size = 259
### END SOLUTION


# %%
def fit(size):
    """Where pixels are left over, in words."""
    if size <= 227:
        return "not larger than 227"
    for name, f, stride in (("conv1", 11, 4), ("pool1", 3, 2), ("pool2", 3, 2), ("pool5", 3, 2)):
        if (size - f) % stride:
            return f"{name} leaves pixels out"
        size = (size - f) // stride + 1
    return "fits" if size == 7 else "fits, but a smaller one would, too"


larger = Exercise(
    "10.1",
    next_size,
    apply=fit,
    hint="Go backwards: after the last pooling there are 6 x 6 places, and next 7 x 7. How many did it need before it?",
    mistakes={
        "stride of conv1": Mistake(231, "conv1 is content, for it steps by 4. But all four must be."),
        "one pooling": Mistake(235, "conv1 and the first pooling are content; go on to the next one."),
        "two poolings": Mistake(243, "Of the four only the last pooling is not content yet."),
        "even": Mistake(228, "conv1 itself leaves pixels out: it steps by 4."),
        "too large": Mistake(291, "It fits. But there is one between 227 and yours."),
    },
)


# %% [markdown] 10.2 VGG without its heap
# Put global average pooling (notebook 08) and **one** dense layer in the place of VGG16's three dense layers. Count parameters and multiply-adds of
# any such network: in each block `depth` convolutions of 3 × 3 ("same"), then pooling that halves the maps. For VGG16's plan, on
# 224 × 224 pixels and 1,000 classes, compare with `count_params()` and `count_operations` of `blueprint(vgg16)` (`vgg` is by now the
# small network without dense layers): which of the two hardly notices?
# %% 10.2
def count_costs(size, channels, plan, classes):
    """Parameters, and multiply-adds for one image of (size, size, channels).

    plan: a list of pairs (depth, filters), a pair for each block.
    size: even before each pooling.
    """
    ### BEGIN SOLUTION
    parameters = work = 0
    for depth, filters in plan:
        for _ in range(depth):
            parameters += (9 * channels + 1) * filters
            work += size * size * 9 * channels * filters
            channels = filters
        size //= 2
    return parameters + (channels + 1) * classes, work + channels * classes
    ### END SOLUTION


# %%
@st.composite
def vggs(draw):
    plan = draw(st.lists(st.tuples(st.integers(1, 3), st.integers(1, 3)), min_size=1, max_size=2))
    size = 2 ** (len(plan) + draw(st.integers(0, 1)))
    return {"size": size, "channels": draw(st.integers(1, 3)), "plan": plan, "classes": draw(st.integers(1, 5))}


def cost(kind):
    def answer(size, channels, plan, classes):
        parameters = work = 0
        for depth, filters in plan:
            first = channels
            for _ in range(depth):
                c = first if kind == "first channels" else channels
                places = (size // 2) ** 2 if kind == "after pooling" else size**2
                parameters += (9 * c + (kind != "no biases")) * filters
                work += places * (9 * c + (kind == "biases as work")) * filters
                channels = filters
            size //= 2
        read = channels * (size**2 if kind == "flattened" else 1)
        bias = kind == "biases as work"
        return parameters + (read + (kind != "no biases")) * classes, work + (read + bias) * classes

    return answer


slim = Exercise(
    "10.2",
    count_costs,
    vggs(),
    hint="Carry the size of the maps and the number of channels along; global average pooling leaves one number a channel.",
    mistakes={
        "flattened": Mistake(
            cost("flattened"),
            "The dense layer reads every pixel here; after global average pooling one number a map is left.",
        ),
        "after pooling": Mistake(
            cost("after pooling"), "The convolutions of a block work on the maps before its pooling."
        ),
        "no biases": Mistake(cost("no biases"), "The multiply-adds are right; the parameters lack the biases."),
        "biases as work": Mistake(
            cost("biases as work"), "The parameters are right; biases do not count as multiply-adds."
        ),
        "first channels": Mistake(
            cost("first channels"), "From its second convolution on a block reads as many channels as it has filters."
        ),
    },
)


# %% [markdown] 10.3 Which pixels exactly?
# The receptive field says how many pixels a neuron sees. Now say **which**: along one axis, for the neuron in place $i$ of the last
# map (both counted from 0). Each layer has a filter size $f$, a stride $s$ and $p$ zeros of padding on each side; a place below 0 lies in
# the padding.
# %% 10.3
def pixels_seen(layers, i):
    """The first and the last pixel; layers: a list of (f, s, p), the one at the image first."""
    first = last = i
    ### BEGIN SOLUTION
    for f, s, p in reversed(layers):
        first, last = first * s - p, last * s - p + f - 1
    return first, last
    ### END SOLUTION


# %%
layer_settings = st.tuples(st.sampled_from((1, 2, 3, 5)), st.integers(1, 3), st.integers(0, 2))


def seen(order=reversed, start=lambda place, s, p: place * s - p, end=lambda place, f, s, p: place * s - p + f - 1):
    def answer(layers, i):
        first = last = i
        for f, s, p in order(layers):
            first, last = start(first, s, p), end(last, f, s, p)
        return first, last

    return answer


window = Exercise(
    "10.3",
    pixels_seen,
    {"layers": st.lists(layer_settings, min_size=1, max_size=3), "i": st.integers(0, 4)},
    hint="One layer first: where does the window of place i begin, and where does it end? Then from the last layer down.",
    mistakes={
        "from the image up": Mistake(
            seen(order=list), "You start at the neuron: its own layer comes first, the one at the image last."
        ),
        "one too far": Mistake(
            seen(end=lambda place, f, s, p: place * s - p + f),
            "A window of f pixels ends f - 1 pixels after its first one.",
        ),
        "padding forgotten": Mistake(
            seen(start=lambda place, s, p: place * s, end=lambda place, f, s, p: place * s + f - 1),
            "Place 0 begins in the padding, p pixels before the image.",
        ),
        "stride forgotten": Mistake(
            seen(start=lambda place, s, p: place - p, end=lambda place, f, s, p: place - p + f - 1),
            "From one place to the next a window moves by s pixels.",
        ),
        "padding on the wrong side": Mistake(
            seen(start=lambda place, s, p: place * s + p, end=lambda place, f, s, p: place * s + p + f - 1),
            "The padding comes before pixel 0: it moves the windows the other way.",
        ),
    },
)


# %% [markdown] 10.4 Two cards as one matrix
# At one pixel a 1 × 1 convolution is a matrix. A **grouped** one cuts the channels that come in, in order, into $g$ equal parts; each part
# has its own matrix, and the results are put one after another. Write the one large matrix that does the same as all groups.
# %% 10.4
def whole_matrix(W):
    """(groups x n, groups x c) from W, (groups, n, c), a matrix for each group."""
    groups, n, c = W.shape
    ### BEGIN SOLUTION
    whole = np.zeros((groups * n, groups * c))
    for k in range(groups):
        whole[k * n : (k + 1) * n, k * c : (k + 1) * c] = W[k]
    return whole
    ### END SOLUTION


# %%
@st.composite
def groups_of_weights(draw):
    groups, n, c = (draw(st.integers(1, 3)) for _ in range(3))
    return {"W": draw(matrices(groups * n, c, -2, 2)).reshape(groups, n, c)}


def every_channel(W):
    return np.concatenate([np.tile(part, len(W)) for part in W])


def interleaved(W):
    groups, n, c = W.shape
    whole = np.zeros((groups * n, groups * c))
    for k in range(groups):
        whole[k::groups, k::groups] = W[k]
    return whole


def backwards(W):
    groups, n, c = W.shape
    return np.concatenate([whole_matrix(W)[:, c * k : c * (k + 1)] for k in reversed(range(groups))], axis=1)


cards = Exercise(
    "10.4",
    whole_matrix,
    groups_of_weights(),
    hint="Which entries must be 0, because a group does not see the other channels?",
    mistakes={
        "sees all": Mistake(every_channel, "Here each group reads all channels: it must not see those of the others."),
        "interleaved": Mistake(interleaved, "The channels are cut into parts in order, not dealt out like cards."),
        "side by side": Mistake(
            lambda W: np.concatenate(list(W), axis=1),
            "This adds the groups' results up; each should have rows of its own.",
        ),
        "crossed": Mistake(backwards, "The first group reads the first channels: here it reads the last."),
    },
)


# %% [markdown] 10.5 The contest's measure
# The top-$k$ error: an answer counts as wrong if the right class is not among the $k$ with the largest scores (no two scores of an
# image are equal).
# %% 10.5
def top_error(scores, labels, k):
    """The share of wrong answers; scores: (images, classes); labels: (images,)."""
    ### BEGIN SOLUTION
    best = np.argsort(-scores, axis=1)[:, :k]
    return 1 - np.mean([label in row for label, row in zip(labels, best)])
    ### END SOLUTION


# %%
@st.composite
def contests(draw):
    images, classes = draw(st.integers(1, 4)), draw(st.integers(2, 5))
    scores = np.array([draw(st.permutations(range(classes))) for _ in range(images)], dtype=float)
    labels = np.array([draw(st.integers(0, classes - 1)) for _ in range(images)])
    return {"scores": scores, "labels": labels, "k": draw(st.integers(1, classes - 1))}


contest = Exercise(
    "10.5",
    top_error,
    contests(),
    hint="np.argsort puts the smallest first. How many scores may be larger than that of the right class?",
    mistakes={
        "lowest": Mistake(
            lambda scores, labels, k: top_error(-scores, labels, k),
            "These are the k lowest scores: argsort goes upwards.",
        ),
        "top 1": Mistake(
            lambda scores, labels, k: top_error(scores, labels, 1), "k has no effect: only the best counts."
        ),
        "accuracy": Mistake(
            lambda scores, labels, k: 1 - top_error(scores, labels, k), "This is the share of right answers."
        ),
        "one more": Mistake(
            lambda scores, labels, k: top_error(scores, labels, k + 1), "This lets k + 1 answers pass: mind the border."
        ),
        "one less": Mistake(
            lambda scores, labels, k: top_error(scores, labels, k - 1) if k > 1 else 1.0,
            "This lets only k - 1 answers pass: mind the border.",
        ),
        "how many": Mistake(
            lambda scores, labels, k: len(labels) * top_error(scores, labels, k),
            "The share is asked for, not the number.",
        ),
    },
)


# %% [markdown] 10.6 Where half of it lies
# Behind several layers the notebook's `sensitivity` is largest around the middle of the field and fades towards the border (Luo et al.
# 2016). Measure, for the convolutions of VGG16 up to block 3, how wide the middle square is that holds **half** of its sum. Compare it
# with the field: does their quotient stay?
# %%
effective = Exercise(
    "10.6",
    hint="By how many paths does a pixel in the middle reach the neuron, and by how many one in the corner?",
    expected=(
        "It falls: from the whole field in the first convolution (of 3 x 3 pixels the middle one alone holds a ninth) to about "
        "0.6 of its width at the end of block 1 and in block 2, and about a half or less in block 3. A pixel in the middle has "
        "far more paths to the neuron than one in the corner, and the more layers, the more so."
    ),
)

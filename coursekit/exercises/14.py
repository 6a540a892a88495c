"""Exercises of notebook 14, detection and segmentation."""

import numpy as np
from hypothesis import assume
from hypothesis import strategies as st

from coursekit.exercises.exercise import Exercise, Mistake, vectors


# %% [markdown] 14.1 How far apart are boxes that do not meet?
# IoU is 0 for all of them, and a loss of it has no slope there. The *generalised* IoU (Rezatofighi et al. 2019)
# subtracts the empty part of the smallest box $C$ that holds both:
# $\operatorname{IoU}(A, B) - \frac{|C| - |A \cup B|}{|C|}$. It goes down to $-1$ as the boxes move apart.
# %% 14.1
def generalised_iou(a, b):
    """Of two boxes (4,), x1, y1, x2, y2."""
    ### BEGIN SOLUTION
    low, high = np.maximum(a[:2], b[:2]), np.minimum(a[2:], b[2:])
    shared = np.prod(np.maximum(high - low, 0))
    union = np.prod(a[2:] - a[:2]) + np.prod(b[2:] - b[:2]) - shared
    around = np.prod(np.maximum(a[2:], b[2:]) - np.minimum(a[:2], b[:2]))
    return shared / union - (around - union) / around
    ### END SOLUTION


# %%
def boxes(count):
    """An array (count, 4) of boxes whose sides are at least 1."""
    corner, side = st.integers(0, 8), st.integers(1, 8)
    box = st.tuples(corner, corner, side, side).map(lambda b: (b[0], b[1], b[0] + b[2], b[1] + b[3]))
    return st.lists(box, min_size=count, max_size=count).map(lambda found: np.array(found, float))


def of_areas(formula, clipped=True):
    def answer(a, b):
        low, high = np.maximum(a[:2], b[:2]), np.minimum(a[2:], b[2:])
        shared = np.prod(np.maximum(high - low, 0) if clipped else high - low)
        both = np.prod(a[2:] - a[:2]) + np.prod(b[2:] - b[:2])
        around = np.prod(np.maximum(a[2:], b[2:]) - np.minimum(a[:2], b[:2]))
        return formula(shared, both, around)

    return answer


generalised = Exercise(
    "14.1",
    generalised_iou,
    {"a": boxes(1).map(lambda found: found[0]), "b": boxes(1).map(lambda found: found[0])},
    hint=(
        "C reaches from the smaller of the left sides to the larger of the right "
        "sides; the shared part the other way round."
    ),
    mistakes={
        "plain": Mistake(
            of_areas(lambda shared, both, around: shared / (both - shared)),
            "This is the plain IoU: the last term is missing.",
        ),
        "added": Mistake(
            of_areas(lambda shared, both, around: shared / (both - shared) + (around - both + shared) / around),
            "Emptiness between the boxes must count against them.",
        ),
        "not clipped": Mistake(
            of_areas(lambda s, both, around: s / (both - s) - (around - both + s) / around, clipped=False),
            "For boxes that do not meet, the sides of the shared part are negative, "
            "and two of them make a positive area.",
        ),
        "shared twice": Mistake(
            of_areas(lambda s, both, around: s / (both - s) - (around - both) / around),
            "In the last term the shared part is counted twice: what is subtracted from |C| is the union.",
        ),
        "over the union": Mistake(
            of_areas(lambda s, both, around: s / (both - s) - (around - both + s) / (both - s)),
            "The empty part is taken as a share of C, not of the union.",
        ),
    },
)


# %% [markdown] 14.2 Soft suppression
# NMS removes a box that a better one covers; if it was another digit, it is lost. *Soft* NMS (Bodla et al. 2017) only
# lowers its score: take the box with the highest score of those not yet taken, multiply the scores of all that are
# **still** to be taken by $1 - \operatorname{IoU}$ with it, and so on until all are taken. What are the scores at the
# end? (`overlap` holds the IoUs.)
# %% 14.2
def soften(scores, overlap):
    """The scores at the end, (n,), in the order given; scores: (n,), overlap: (n, n)."""
    ### BEGIN SOLUTION
    scores, left = scores.copy(), list(range(len(scores)))
    while left:
        best = max(left, key=lambda k: scores[k])
        left.remove(best)
        scores[left] *= 1 - overlap[left, best]
    return scores
    ### END SOLUTION


# %%
def in_first_order(scores, overlap):
    scores = scores.copy()
    order = np.argsort(-scores)
    for place, best in enumerate(order):
        scores[order[place + 1 :]] *= 1 - overlap[order[place + 1 :], best]
    return scores


def softened(factor, all_of_them=False):
    def answer(scores, overlap):
        scores, left = scores.copy(), list(range(len(scores)))
        while left:
            best = max(left, key=lambda k: scores[k])
            left.remove(best)
            for k in range(len(scores)) if all_of_them else left:
                scores[k] *= factor(overlap[k, best]) if k != best else 1
        return scores

    return answer


@st.composite
def covered_boxes(draw):
    n = draw(st.integers(1, 4))
    scores = np.array(draw(st.lists(st.integers(1, 20), min_size=n, max_size=n, unique=True))) / 20
    overlap = np.eye(n)
    for i in range(n):
        for j in range(i):
            overlap[i, j] = overlap[j, i] = draw(st.integers(0, 9)) / 10
    case = {"scores": scores, "overlap": overlap}
    # no ties on the way: the last of equal scores must give the same as the first
    assume(np.allclose(soften(**case), soften(scores[::-1], overlap[::-1, ::-1])[::-1]))
    return case


soft = Exercise(
    "14.2",
    soften,
    covered_boxes(),
    hint="A list of those still to be taken; in each round find the best of them by the scores as they are now.",
    mistakes={
        "times IoU": Mistake(
            softened(lambda iou: iou), "A box that nothing covers must keep its score; yours loses all of it."
        ),
        "hard": Mistake(
            softened(lambda iou: iou <= 0.45), "This is plain NMS: covered boxes lose everything, others nothing."
        ),
        "order of the start": Mistake(
            in_first_order, "The scores change on the way, and with them which box is the next best."
        ),
        "those taken too": Mistake(
            softened(lambda iou: 1 - iou, all_of_them=True), "A box that has been taken keeps its score from then on."
        ),
    },
)


# %% [markdown] 14.3 The matrix of a convolution
# A convolution is linear in its input: $y = M x$. In one dimension, without padding, $y_i = \sum_a K_a\, x_{i s + a}$
# with stride $s$. Write $M$. Then `M.T @ g` is the transposed convolution of `g`. To compare it with the notebook's, put
# `K` into the first row of a square kernel, `square = np.zeros((len(K), len(K)))`, `square[0] = K`: the first row of
# `transposed_convolution(g[None], square, stride)` is `M.T @ g`, which ends in zeros if no window reaches the last inputs.
# %% 14.3
def convolution_matrix(K, n, stride):
    """M of shape (outputs, n), for a kernel K, (f,), on inputs (n,), n >= f."""
    ### BEGIN SOLUTION
    f = len(K)
    M = np.zeros(((n - f) // stride + 1, n))
    for i, row in enumerate(M):
        row[i * stride : i * stride + f] = K
    return M
    ### END SOLUTION


# %%
@st.composite
def one_row(draw):
    K = draw(vectors(st.integers(1, 3), -2, 2))
    return {"K": K, "n": draw(st.integers(len(K), 6)), "stride": draw(st.integers(1, 3))}


def one_stride_fewer(K, n, stride):
    return convolution_matrix(K, n, stride)[:-1]


def step_of_one(K, n, stride):
    M = np.zeros_like(convolution_matrix(K, n, stride))
    for i, row in enumerate(M):
        row[i : i + len(K)] = K
    return M


matrix = Exercise(
    "14.3",
    convolution_matrix,
    one_row(),
    hint="Row i holds the kernel, and zeros elsewhere. In which column does it begin, and how many rows fit?",
    mistakes={
        "flipped": Mistake(
            lambda K, n, stride: convolution_matrix(K[::-1], n, stride),
            "The kernel is turned round: what the course calls a convolution does not flip it.",
        ),
        "row missing": Mistake(one_stride_fewer, "One row too few: the first position counts as well."),
        "stride forgotten": Mistake(step_of_one, "From row to row the kernel must move on by the stride."),
        "transposed": Mistake(
            lambda K, n, stride: convolution_matrix(K, n, stride).T,
            "This is M transposed: a row of M belongs to an output, a column to an input.",
        ),
    },
)


# %% [markdown] 14.4 Dice as a loss
# Dice, computed from probabilities $p_i$ instead of yes and no, can be trained:
# $L = 1 - \frac{2 \sum_i p_i t_i}{\sum_i p_i + \sum_i t_i}$ with the truth $t_i \in \{0, 1\}$. Derive
# $\partial L / \partial p_i$. How does a pixel's share in it depend on the size of the animal?
# %% 14.4
def dice_gradient(p, t):
    """dL/dp, (pixels,); p: (pixels,) above 0, t: (pixels,) of 0 and 1."""
    ### BEGIN SOLUTION
    # twice the animal: every pixel's share is about half as large
    total, shared = np.sum(p) + np.sum(t), np.sum(p * t)
    return -2 * (t * total - shared) / total**2
    ### END SOLUTION


# %%
@st.composite
def pixels(draw):
    n = draw(st.integers(1, 3))
    return {"p": draw(vectors(n, 0.25, 1)), "t": np.array([draw(st.integers(0, 1)) for _ in range(n)], float)}


dice = Exercise(
    "14.4",
    dice_gradient,
    pixels(),
    hint="The rule for a quotient: p_i stands in the numerator and in the denominator.",
    mistakes={
        "numerator alone": Mistake(
            lambda p, t: -2 * t / (np.sum(p) + np.sum(t)), "p_i stands in the denominator as well."
        ),
        "of Dice": Mistake(lambda p, t: -dice_gradient(p, t), "This is the gradient of Dice; the loss is 1 - Dice."),
        "denominator not squared": Mistake(
            lambda p, t: dice_gradient(p, t) * (np.sum(p) + np.sum(t)),
            "The rule for a quotient divides by the square of the denominator.",
        ),
        "numerator of one pixel": Mistake(
            lambda p, t: -2 * (t * (np.sum(p) + np.sum(t)) - p * t) / (np.sum(p) + np.sum(t)) ** 2,
            "The numerator is a sum over all pixels, also where you differentiate by one of them.",
        ),
    },
)


# %% [markdown] 14.5 The area under the steps
# Instead of the heights at 101 recalls take the whole area: each detection that is right adds a step of width 1 /
# (number of true boxes), as high as the best precision there **or later**. Write it for one ranked list.
# %% 14.5
def area_of_steps(right, truths):
    """right: a list of 1 (right) and 0 (wrong), best score first; truths: true boxes."""
    ### BEGIN SOLUTION
    right = np.array(right)
    precision = np.cumsum(right) / np.arange(1, len(right) + 1)
    best_beyond = np.maximum.accumulate(precision[::-1])[::-1]
    return np.sum(best_beyond * right) / truths
    ### END SOLUTION


# %%
@st.composite
def ranked(draw):
    right = draw(st.lists(st.integers(0, 1), min_size=1, max_size=6))
    return {"right": right, "truths": max(sum(right), 1) + draw(st.integers(0, 2))}


def steps(right, truths, smooth=True, backwards=False):
    right = np.array(right)
    precision = np.cumsum(right) / np.arange(1, len(right) + 1)
    if smooth:
        precision = np.maximum.accumulate(precision) if backwards else np.maximum.accumulate(precision[::-1])[::-1]
    return precision, right


area = Exercise(
    "14.5",
    area_of_steps,
    ranked(),
    hint=(
        "np.cumsum gives the right ones so far; np.maximum.accumulate, on the list turned round, the best from here on."
    ),
    mistakes={
        "jagged": Mistake(
            lambda right, truths: np.sum(np.prod(steps(right, truths, smooth=False), axis=0)) / truths,
            "This takes the precision at each step; asked for is the best from there on.",
        ),
        "best before": Mistake(
            lambda right, truths: np.sum(np.prod(steps(right, truths, backwards=True), axis=0)) / truths,
            "The best precision there or *later*, not so far.",
        ),
        "only those found": Mistake(
            lambda right, truths: np.sum(np.prod(steps(right, truths), axis=0)) / max(sum(right), 1),
            "Boxes that were never found count too: they are steps of height 0.",
        ),
        "mean over detections": Mistake(
            lambda right, truths: np.mean(steps(right, truths)[0]),
            "Wrong detections add no step: recall does not grow there.",
        ),
    },
)


# %% [markdown] 14.6 One term less
# Leave one term of the detection loss out at a time: the objectness, the class, the box. What remains of the mAP at IoU
# 0.5, and at 0.75? Which mistake does each term prevent?
# First run the cells that load `scenes` and make `targets` again, which were deleted to make room. For IoU 0.75 call
# `vision.average_precision(*of_class(digit, boxes, scores), 0.75)` for each digit, with the boxes and scores of your
# network: the `threshold` of `mean_ap_of` is that of NMS.
# %%
terms = Exercise(
    "14.6",
    hint=(
        "Who tells the anchors with nothing to find that they must be silent? And what does "
        "an anchor answer that never learned to move?"
    ),
    expected=(
        "Without the objectness its outputs never learn: all anchors score alike, those with nothing to find name some digit, and the "
        "mAP falls clearly (here from 0.94 to about 0.8 at IoU 0.5). Without the class every box counts for all ten digits: "
        "about 0.1 at either bar. Without the box each anchor answers with itself: often just good enough at 0.5 (about 0.75), "
        "hardly ever at 0.75 (below 0.1, where the whole loss reaches about 0.74)."
    ),
)

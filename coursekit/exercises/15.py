"""Exercises of notebook 15, one-shot learning."""

import numpy as np
from hypothesis import assume
from hypothesis import strategies as st

from coursekit.exercises.exercise import Exercise, Mistake, numbers, vectors


# %% [markdown] 15.1 What a batch holds
# A batch of $K$ characters with $M$ images of each. How many pairs of the same character does it hold, how many of
# different ones (a pair has no order, and no image is paired with itself), and how many triplets of an anchor, another
# image of its class and an image of another class?
# %% 15.1
def in_a_batch(K, M):
    """(pairs of the same character, pairs of different ones, triplets)."""
    ### BEGIN SOLUTION
    same = K * M * (M - 1) // 2
    return same, K * M * (K * M - 1) // 2 - same, K * M * (M - 1) * (K - 1) * M
    ### END SOLUTION


# %%
batch = Exercise(
    "15.1",
    in_a_batch,
    {"K": st.integers(1, 20), "M": st.integers(1, 6)},
    hint="First one character: how many pairs do its M images make? A triplet: choose the anchor, then the other two.",
    mistakes={
        "with order": Mistake(
            lambda K, M: (K * M * (M - 1), K * M * (K - 1) * M, K * M * (M - 1) * (K - 1) * M),
            "Your pairs are counted twice, once in each order.",
        ),
        "with itself": Mistake(
            lambda K, M: (K * M * (M + 1) // 2, K * (K - 1) // 2 * M * M, K * M * (M - 1) * (K - 1) * M),
            "You pair images with themselves: their distance is 0 and teaches nothing.",
        ),
        "triplets without order": Mistake(
            lambda K, M: (*in_a_batch(K, M)[:2], K * M * (M - 1) // 2 * (K - 1) * M),
            "The pairs are right. In a triplet anchor and positive are not the same thing: each may be the other.",
        ),
        "one negative a class": Mistake(
            lambda K, M: (*in_a_batch(K, M)[:2], K * M * (M - 1) * (K - 1)),
            "The pairs are right. Any *image* of another class can be the negative.",
        ),
    },
)


# %% [markdown] 15.2 Pull and push
# The contrastive loss of one pair, here without dividing by the lengths: $\ell = y D^2 + (1 - y) \max(0, m - D)^2$ with
# $D = \lVert h_1 - h_2 \rVert$. Derive its gradient by $h_1$. Gradient descent goes against it: which way does each
# kind of pair move?
# %% 15.2
def gradient_of_pair(h1, h2, y, m):
    """d loss / d h1, (features,); h1 and h2, (features,), differ.

    y: 1 for the same character, else 0; m: the margin.
    """
    ### BEGIN SOLUTION
    difference = h1 - h2
    D = np.linalg.norm(difference)
    return 2 * y * difference - 2 * (1 - y) * max(0, m - D) * difference / D
    ### END SOLUTION


# %%
@st.composite
def pairs(draw):
    n = draw(st.integers(1, 3))
    h1, h2 = draw(vectors(n, -2, 2)), draw(vectors(n, -2, 2))
    assume(np.any(h1 != h2))
    return {"h1": h1, "h2": h2, "y": draw(st.integers(0, 1)), "m": draw(numbers(0.5, 2))}


def pushed(push):
    def answer(h1, h2, y, m):
        difference = h1 - h2
        return 2 * y * difference + 2 * (1 - y) * push(difference, np.linalg.norm(difference), m)

    return answer


pair = Exercise(
    "15.2",
    gradient_of_pair,
    pairs(),
    hint="dD/dh1 is the direction from h2 to h1, of length 1. The rest is the chain rule.",
    mistakes={
        "attracts": Mistake(
            pushed(lambda d, D, m: max(0, m - D) * d / D),
            "Mind the sign: a step against this brings different ones together.",
        ),
        "no unit length": Mistake(
            pushed(lambda d, D, m: -max(0, m - D) * d), "The derivative of a distance is a vector of length 1."
        ),
        "beyond the margin": Mistake(
            pushed(lambda d, D, m: -(m - D) * d / D), "Beyond the margin a pair of different ones is left in peace."
        ),
        "of the distance": Mistake(
            lambda h1, h2, y, m: gradient_of_pair(h1, h2, y, m) / (2 * np.linalg.norm(h1 - h2) if y else 1),
            "For equal pairs the loss is the *square* of the distance.",
        ),
    },
)


# %% [markdown] 15.3 The hardest triplets
# For each anchor of a batch take its **farthest** positive and its **nearest** negative: the mean of
# $\max(0,\ D(a, p) - D(a, n) + m)$ over the anchors (Hermans et al. 2017). Each class has at least two images.
#
# Then train with it: write it once more as a function of `labels` and `h`, with `distances(h)`, `same_character(labels)`
# and `ops` in place of `np` (distances are at most 2, so `ops.min(D + 3 * y, axis=1)` is the nearest negative), and hand
# it to `train`. If all images lie on one spot, this loss is $m$: does yours stay there?
# %% 15.3
def hardest_triplets(D, labels, m):
    """The loss; D: distances of all pairs, (batch, batch), labels: (batch,)."""
    ### BEGIN SOLUTION
    same = labels[:, None] == labels[None]
    farthest = np.where(same, D, 0).max(axis=1)
    nearest = np.where(same, np.inf, D).min(axis=1)
    return np.mean(np.maximum(0, farthest - nearest + m))
    ### END SOLUTION


# %%
@st.composite
def batches(draw):
    labels = np.array(draw(st.permutations([0, 0, 1, 1, *draw(st.sampled_from(([], [1], [2, 2])))])))
    D = np.zeros((len(labels), len(labels)))
    for i in range(len(labels)):
        for j in range(i):
            D[i, j] = D[j, i] = draw(numbers(0.25, 2))
    return {"D": D, "labels": labels, "m": draw(numbers(0.25, 1))}


def triplets(positive, negative, mean=np.mean, clip=0):
    def answer(D, labels, m):
        losses = []
        for a in range(len(D)):
            others = np.arange(len(D)) != a
            p, n = D[a][(labels == labels[a]) & others], D[a][labels != labels[a]]
            losses.append(max(clip, positive(p) - negative(n) + m))
        return mean(losses)

    return answer


hardest = Exercise(
    "15.3",
    hardest_triplets,
    batches(),
    hint=(
        "np.where(same, D, 0) leaves the distances within the class; what must stand "
        "in place of 0 before a minimum is taken?"
    ),
    mistakes={
        "itself": Mistake(
            lambda D, labels, m: np.mean(
                np.maximum(0, np.where(labels[:, None] == labels[None], D, 0).max(axis=1) + m)
            ),
            "Your nearest negative is always at distance 0: images of the anchor's own class must not take part.",
        ),
        "easiest positive": Mistake(triplets(np.min, np.min), "The hardest positive is the *farthest* one."),
        "easiest negative": Mistake(triplets(np.max, np.max), "The hardest negative is the *nearest* one."),
        "not clipped": Mistake(
            triplets(np.max, np.min, clip=-np.inf), "A satisfied anchor counts 0, not less: else it hides the others."
        ),
        "only those that teach": Mistake(
            triplets(np.max, np.min, mean=lambda found: sum(found) / max(1, sum(loss > 0 for loss in found))),
            "The mean is over all anchors, also those whose loss is 0.",
        ),
    },
)


# %% [markdown] 15.4 Prototypes are a linear layer
# A query $q$ gets the class whose prototype $c_k$, the mean of its known examples, is nearest. So
# $-\lVert q - c_k \rVert^2$ is a score. Expand the square: one term is the same for all classes, the rest is linear in
# $q$. Write the layer $q\,W + b$ whose scores **differ** from class to class just as those do: no training, one look at
# the examples. (What is compared is the second score less the first.)
# %% 15.4
def prototype_layer(support):
    """W, (features, ways), and b, (ways,); support: (ways, shots, features)."""
    ### BEGIN SOLUTION
    c = support.mean(axis=1)
    return 2 * c.T, -np.sum(c**2, axis=1)
    ### END SOLUTION


# %%
@st.composite
def known_examples(draw):
    ways, shots, features = 2, draw(st.integers(1, 2)), draw(st.integers(1, 2))
    support = draw(vectors(ways * shots * features, -2, 2)).reshape(ways, shots, features)
    return {"support": support, "q": draw(vectors(features, -2, 2))}


def scores_above_the_first(layer, support, q):
    found = layer(support)
    if found is None:
        return None
    W, b = found
    return (q @ W + b)[1:] - (q @ W + b)[0]


prototypes = Exercise(
    "15.4",
    prototype_layer,
    known_examples(),
    apply=scores_above_the_first,
    hint="The square of q - c is q·q - 2 q·c + c·c. Which of the three is the same for all classes?",
    mistakes={
        "without b": Mistake(
            lambda support: (2 * support.mean(axis=1).T, np.zeros(len(support))),
            "Without b a long prototype wins by its length: its own square is missing.",
        ),
        "factor 2": Mistake(
            lambda support: (support.mean(axis=1).T, -np.sum(support.mean(axis=1) ** 2, axis=1)),
            "Expand the square again: the two parts do not stand in the right proportion.",
        ),
        "farthest": Mistake(
            lambda support: tuple(-part for part in prototype_layer(support)),
            "The nearest must have the largest score.",
        ),
        "square of each example": Mistake(
            lambda support: (2 * support.mean(axis=1).T, -np.mean(np.sum(support**2, axis=2), axis=1)),
            "First the mean of the examples, then its square: yours is the mean of the squares.",
        ),
        "sum": Mistake(
            lambda support: (2 * support.sum(axis=1).T, -np.sum(support.sum(axis=1) ** 2, axis=1)),
            "A prototype is the mean of the examples, not their sum.",
        ),
    },
)


# %% [markdown] 15.5 A gate that must not err
# A gate says yes if $D < t$. At most a share $s$ of the pairs of **different** people may pass. Take the largest
# threshold $t$ for which that holds: which share of the pairs of the **same** person is then turned away?
# (With $s = 1$ any threshold will do: nobody is turned away.)
# %% 15.5
def turned_away(D_same, D_different, s):
    """The share of false rejects; D_same: (n,), D_different: (k,), distances; 0 <= s <= 1."""
    ### BEGIN SOLUTION
    may_pass = int(s * len(D_different))
    if may_pass == len(D_different):
        return 0.0  # any threshold will do
    t = np.sort(D_different)[may_pass]
    return np.mean(D_same >= t)
    ### END SOLUTION


# %%
@st.composite
def distances(draw):
    count = draw(st.integers(1, 5))
    D = draw(st.lists(st.integers(1, 40), min_size=count, max_size=count, unique=True))
    same = draw(st.lists(st.integers(1, 40).filter(lambda d: d not in D), min_size=1, max_size=4))
    return {"D_same": np.array(same) / 20, "D_different": np.array(D) / 20, "s": draw(numbers(0, 1))}


def at(threshold, rejected=True):
    def answer(D_same, D_different, s):
        n = len(D_different)
        k = int(s * n)
        t = np.append(np.sort(D_different), np.inf)[min(threshold(k, n), n)] if threshold(k, n) >= 0 else 0
        return np.mean(D_same >= t) if rejected else np.mean(D_same < t)

    return answer


gate = Exercise(
    "15.5",
    turned_away,
    distances(),
    hint="Sort the distances of different people. How far up may t go before one too many lies below it?",
    mistakes={
        "one too few": Mistake(
            at(lambda k, n: k - 1), "The threshold may be larger: one more of the different ones may pass."
        ),
        "one too many": Mistake(at(lambda k, n: k + 1), "One too many of the different ones passes."),
        "accepted": Mistake(
            at(lambda k, n: k, rejected=False), "This is the share that passes; asked for is who is turned away."
        ),
        "the same sorted": Mistake(
            lambda D_same, D_different, s: np.mean(
                D_different >= np.append(np.sort(D_same), np.inf)[int(s * len(D_same))]
            ),
            "The promise is about pairs of different people, and the price is paid by "
            "the same ones: yours is the reverse.",
        ),
    },
)


# %% [markdown] 15.6 A rival that squints
# The rival by pixels falls over a stroke that lies two pixels off. Blur all centred images before it compares them
# (`ndimage.gaussian_filter`, each image for itself), with $\sigma$ from 0.5 to 5. How much of the gap in accuracy
# between it and the trained encoder does this simple trick close? Why does it help, and why not further?
# %%
squint = Exercise(
    "15.6",
    hint="What do two thin strokes side by side have in common before they are blurred, and after?",
    expected=(
        "It rises from about 0.5 to about 0.6 at sigma 1 to 1.5, falls below the start from 3 on, and at 5 hardly more than a blob "
        "is left. Blurred strokes that lie a little apart overlap, so near misses count; too much blur makes all characters alike. "
        "About a third of the way to the encoder's 0.8, without any learning: what the encoder has learned is *which* differences to forgive."
    ),
)

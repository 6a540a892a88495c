"""Exercises of notebook 19, InfoGAN."""

import numpy as np
from hypothesis import assume
from hypothesis import strategies as st

from coursekit.exercises.exercise import Exercise, Mistake, matrices, numbers, vectors


# %% [markdown] 19.1 A distance from independence
# Show that $I(X, Y) = H(X) - H(X \mid Y)$ is the KL divergence of $p(x, y)$ from $p(x)\, p(y)$, the table that the two
# would have if neither told anything about the other. Compute it that way, for any $p(x)$ and any $p(y \mid x)$;
# some entries may be 0.
# %% 19.1
def information_by_divergence(p, conditional):
    """I(X, Y) in nats; p: p(x), (n,); conditional: p(y|x), (n, k), a row for each x."""
    ### BEGIN SOLUTION
    joint = p[:, None] * conditional
    independent = p[:, None] * joint.sum(axis=0)
    seen = joint > 0
    return np.sum(joint[seen] * np.log(joint[seen] / independent[seen]))
    ### END SOLUTION


# %%
def shares(length):
    """Arrays (length,) of eighths that add up to 1."""
    parts = st.lists(st.integers(0, 8), min_size=length - 1, max_size=length - 1)
    return parts.map(lambda cuts: np.diff([0, *sorted(cuts), 8]) / 8)


@st.composite
def conditionals(draw):
    n, k = draw(st.integers(2, 3)), draw(st.integers(2, 3))
    p = draw(shares(n))
    assume(np.all(p > 0))
    return {"p": p, "conditional": np.array([draw(shares(k)) for _ in range(n)])}


def entropy(p):
    p = p[p > 0]
    return -np.sum(p * np.log(p))


def reversed_divergence(p, conditional):
    with np.errstate(all="ignore"):
        joint = p[:, None] * conditional
        independent = p[:, None] * joint.sum(axis=0)
        return np.sum(independent * np.log(independent / joint))


def with_zeros(p, conditional):
    with np.errstate(all="ignore"):
        joint = p[:, None] * conditional
        return np.sum(joint * np.log(joint / (p[:, None] * joint.sum(axis=0))))


independence = Exercise(
    "19.1",
    information_by_divergence,
    conditionals(),
    hint="p(x, y) = p(x) p(y|x); p(y) is its sum over x. Pairs that never occur add nothing: leave them out.",
    mistakes={
        "zero times log of zero": Mistake(
            with_zeros, "0 log 0 is 0, but a computer says NaN: leave out what never occurs."
        ),
        "other way round": Mistake(
            reversed_divergence,
            "This is the divergence of p(x) p(y) from p(x, y); the mean is to be taken under p(x, y).",
        ),
        "all x equally likely": Mistake(
            lambda p, conditional: information_by_divergence(np.full(len(p), 1 / len(p)), conditional),
            "The x are not equally likely: weigh them with p.",
        ),
        "bits": Mistake(
            lambda p, conditional: information_by_divergence(p, conditional) / np.log(2),
            "These are bits; nats are asked for.",
        ),
        "entropy of what is read": Mistake(
            lambda p, conditional: entropy(p @ conditional),
            "This is H(Y): it is large, too, if the answers are random.",
        ),
    },
)


# %% [markdown] 19.2 The bound on a class code
# $L_I = H(c) + \mathbb{E} \log Q(c \mid x)$ for $c_1$, one of $K$ equally likely values. The head of $Q$ gives $K$
# scores for each fake, and we know which $c_1$ it was made with. Write the estimate of $L_I$.
# %% 19.2
def bound_of_class(scores, c):
    """In nats; scores: (fakes, K), before the softmax; c: the code of each fake, (fakes,)."""
    ### BEGIN SOLUTION
    a = scores - scores.max(axis=1, keepdims=True)
    log_Q = a - np.log(np.sum(np.exp(a), axis=1, keepdims=True))
    return np.log(scores.shape[1]) + np.mean(log_Q[np.arange(len(c)), c])
    ### END SOLUTION


# %%
@st.composite
def read_classes(draw):
    n, K = draw(st.integers(1, 3)), draw(st.integers(2, 3))
    return {"scores": draw(matrices(n, K)), "c": np.array([draw(st.integers(0, K - 1)) for _ in range(n)])}


def log_softmax(a, axis):
    return a - np.log(np.sum(np.exp(a), axis=axis, keepdims=True))


def class_bound(of_codes, axis=1, entropy=np.log):
    def answer(scores, c):
        return entropy(scores.shape[1]) + of_codes(log_softmax(scores, axis)[np.arange(len(c)), c])

    return answer


of_class = Exercise(
    "19.2",
    bound_of_class,
    read_classes(),
    hint="H(c) of K equally likely values, minus the cross-entropy of notebook 03.",
    mistakes={
        "no entropy": Mistake(
            class_bound(np.mean, entropy=lambda K: 0), "H(c) is missing: a Q without errors must reach log K, not 0."
        ),
        "cross-entropy": Mistake(
            class_bound(lambda logs: -np.mean(logs)),
            "The better Q reads, the larger L_I: mind the sign of the second term.",
        ),
        "sum": Mistake(class_bound(np.sum), "An expectation is a mean over the fakes, not a sum."),
        "log of the mean": Mistake(
            class_bound(lambda logs: np.log(np.mean(np.exp(logs)))),
            "First the logarithm of each fake's Q, then the mean.",
        ),
        "softmax over fakes": Mistake(
            class_bound(np.mean, axis=0), "The probabilities of one fake must add up to 1: a softmax along its row."
        ),
    },
)


# %% [markdown] 19.3 The bound on a continuous code
# $c_2$ is uniform on $[-1, 1]$, and $Q(c_2 \mid x)$ a Gaussian whose mean and log-variance the network gives. Write the
# estimate of $L_I$. A density's entropy is an integral; that of $c_2$ you know.
# %% 19.3
def bound_of_number(c, mean, log_variance):
    """In nats; all three (fakes,): the code that was drawn, and what Q says of it."""
    ### BEGIN SOLUTION
    log_Q = -0.5 * (np.log(2 * np.pi) + log_variance + (c - mean) ** 2 / np.exp(log_variance))
    return np.log(2) + np.mean(log_Q)
    ### END SOLUTION


# %%
@st.composite
def read_numbers(draw):
    n = draw(st.integers(1, 3))
    return {"c": draw(vectors(n, -1, 1)), "mean": draw(vectors(n, -1, 1)), "log_variance": draw(vectors(n, -2, 2))}


LOG_TWO, LOG_TWO_PI = np.log(2), np.log(2 * np.pi)


def number_bound(constant=LOG_TWO_PI, entropy=LOG_TWO, power=1.0):
    def answer(c, mean, log_variance):
        far = (c - mean) ** 2 / np.exp(power * log_variance)
        return entropy - 0.5 * np.mean(constant + log_variance + far)

    return answer


of_number = Exercise(
    "19.3",
    bound_of_number,
    read_numbers(),
    hint="The density of c_2 is 1/2 everywhere on [-1, 1]. The rest is the logarithm of a Gaussian density.",
    mistakes={
        "no entropy": Mistake(
            number_bound(entropy=0), "H(c) of a uniform density on an interval of length 2 is not 0."
        ),
        "ten values": Mistake(
            number_bound(entropy=np.log(10)), "This is the entropy of c_1; c_2 is uniform on [-1, 1]."
        ),
        "no constant": Mistake(
            number_bound(constant=0), "The Gaussian density has a factor that does not depend on the code."
        ),
        "deviation": Mistake(
            number_bound(power=0.5), "exp(log_variance) is the variance: you divide the square by the deviation."
        ),
        "squared error": Mistake(
            lambda c, mean, log_variance: np.log(2) - 0.5 * np.mean((c - mean) ** 2 + np.log(2 * np.pi)),
            "The log-variance has no effect: Q says how sure it is, too.",
        ),
    },
)


# %% [markdown] 19.4 From nats back to an error
# At best, a Gaussian $Q$ that errs with the variance $v$ everywhere has $\mathbb{E} \log Q = -\frac12 \log(2 \pi e v)$.
# The picture says $L_I$ of $c_2$ in nats. Which standard deviation $\sqrt v$ of the reading is that, for a code on
# $[-1, 1]$? (Check: the best $Q$ that reads nothing has $L_I = -0.18$,
# not 0, and errs by the code's own deviation, $1/\sqrt3$.)
# %% 19.4
def reading_error(L):
    """The standard deviation of the reading, from L_I in nats."""
    ### BEGIN SOLUTION
    return 2 * np.exp(-L) / np.sqrt(2 * np.pi * np.e)
    ### END SOLUTION


# %%
error = Exercise(
    "19.4",
    reading_error,
    {"L": numbers(-0.25, 3)},
    hint="L = log 2 - log(2 pi e v) / 2. Solve for v, then take the root.",
    mistakes={
        "variance": Mistake(lambda L: reading_error(L) ** 2, "This is the variance."),
        "no entropy": Mistake(lambda L: reading_error(L) / 2, "L_I begins with the entropy of the code, log 2."),
        "rising": Mistake(lambda L: reading_error(-L), "The more nats, the smaller the error."),
        "without e": Mistake(
            lambda L: reading_error(L) * np.sqrt(np.e),
            "The mean of the squared error over v is 1: it brings the e under the root.",
        ),
    },
)


# %% [markdown] 19.5 Twenty groups
# Let $c_1$ have more values than there are digits. Each **group**, all images that $Q$ gives the same $c_1$,
# then takes the name of its most frequent digit; several groups may have one name. Which share of the images lies in a
# group of another name? Why may this error not be compared with that of ten groups?
# %% 19.5
def error_of_groups(table):
    """The share of errors; table: counts (digits, groups)."""
    ### BEGIN SOLUTION
    return 1 - table.max(axis=0).sum() / table.sum()
    ### END SOLUTION


# %%
@st.composite
def counts(draw):
    table = draw(matrices(draw(st.integers(2, 3)), draw(st.integers(2, 4)), 0, 5)) * 4
    assume(np.all(table.sum(axis=0) > 0) and np.all(table.sum(axis=1) > 0))
    return {"table": table}


twenty_groups = Exercise(
    "19.5",
    error_of_groups,
    counts(),
    hint="In each group, how many images have the right name? Then divide by all images.",
    mistakes={
        "a group for each digit": Mistake(
            lambda table: 1 - table.max(axis=1).sum() / table.sum(),
            "This gives each digit its largest group; asked for is a digit for each group.",
        ),
        "right ones": Mistake(
            lambda table: table.max(axis=0).sum() / table.sum(),
            "This is the share of the right ones, not of the errors.",
        ),
        "groups count alike": Mistake(
            lambda table: 1 - np.mean(table.max(axis=0) / table.sum(axis=0)),
            "A large group counts more than a small one: the share is of the images.",
        ),
        "counts": Mistake(
            lambda table: table.sum() - table.max(axis=0).sum(), "This is how many; the share is asked for."
        ),
    },
)


# %% [markdown] 19.6 More groups, fewer mistakes?
# The notebook gives k-means ten groups. Give it 20, 50 and 200 (`sklearn.cluster.KMeans(50, n_init=1)`, on the pixels
# of 5,000 training images), and name each group by the digit that most of its training images show. How large is the
# error on the test digits? Has k-means beaten InfoGAN's $c_1$ now?
# %%
rival = Exercise(
    "19.6",
    hint="Who decides which digit a group stands for, and how many labels does that take?",
    expected=(
        "The error falls: 0.44 to 0.5 with 10 groups, 0.28 to 0.36 with 20, 0.15 to 0.22 with 50, about 0.1 with 200. "
        "But k-means has not found the classes. The names come from labels, and the more groups there are, the more of "
        "the work they do; with a group for each image, this is the nearest neighbour, with all the labels. "
        "c_1 has ten groups and ten names, so its rival must have ten, too."
    ),
)

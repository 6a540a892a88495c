"""Exercises of notebook 18, generative adversarial networks."""

import numpy as np
from hypothesis import strategies as st

from coursekit.exercises.exercise import Exercise, Mistake, numbers, vectors


# %% [markdown] 18.1 More real ones than fakes
# Of the examples that $D$ is shown, a share $\pi$ is real: it maximises
# $\int \big[\pi\, p^*(x) \log D(x) + (1 - \pi)\, p_g(x) \log(1 - D(x))\big] dx$. Derive the best $D$. How do you get
# the ratio $p^* / p_g$ from it?
# %% 18.1
def best_discriminator(real, fake, share):
    """(D*, p*/p_g computed from D* and the share), each (n,).

    real, fake: the densities p* and p_g at n places, (n,), above 0; share: pi.
    """
    ### BEGIN SOLUTION
    D = share * real / (share * real + (1 - share) * fake)
    return D, D / (1 - D) * (1 - share) / share
    ### END SOLUTION


# %%
@st.composite
def densities(draw):
    n = draw(st.integers(1, 3))
    return {
        "real": draw(vectors(n, 0.25, 2)),
        "fake": draw(vectors(n, 0.25, 2)),
        "share": draw(st.sampled_from((0.25, 0.5, 0.75))),
    }


def two_parts(of_D, of_ratio):
    def answer(real, fake, share):
        D = of_D(real, fake, share)
        return D, of_ratio(D, share)

    return answer


def right_D(real, fake, share):
    return best_discriminator(real, fake, share)[0]


best = Exercise(
    "18.1",
    best_discriminator,
    densities(),
    hint="Differentiate under the integral by D, at one x. The share goes with p*, the rest with p_g.",
    mistakes={
        "share ignored": Mistake(
            two_parts(lambda real, fake, share: real / (real + fake), lambda D, share: D / (1 - D)),
            "With few real ones among the examples D had better say fake more often.",
        ),
        "shares exchanged": Mistake(
            lambda real, fake, share: best_discriminator(real, fake, 1 - share),
            "The larger the share of real ones, the larger D must be.",
        ),
        "ratio of the mix": Mistake(
            two_parts(right_D, lambda D, share: D / (1 - D)),
            "D* is right. D / (1 - D) is how many times more likely a real one is *in "
            "this mix*; the densities are asked for.",
        ),
        "ratio upside down": Mistake(
            two_parts(right_D, lambda D, share: (1 - D) / D * share / (1 - share)),
            "D* is right; the ratio is p_g over p*.",
        ),
    },
)


# %% [markdown] 18.2 Divergences from the answers of D
# Suppose $D$ is at its best. Then its answers alone, on real examples and on fakes, tell how far $p_g$ is from $p^*$:
# no density is needed. (What the check tries comes from a $D$ that is *not* at its best, so the numbers may be below
# 0.) Write the estimates of $\operatorname{JSD}(p^*, p_g)$ and of
# $\operatorname{KL}(p^* \,\Vert\, p_g) = \mathbb{E}_{p^*} \log (p^* / p_g)$.
# %% 18.2
def divergences(D_real, D_fake):
    """(JSD, KL) in nats; D's answers on as many real examples as fakes, (n,) each."""
    ### BEGIN SOLUTION
    value = np.mean(np.log(D_real)) + np.mean(np.log(1 - D_fake))
    return (value + np.log(4)) / 2, np.mean(np.log(D_real / (1 - D_real)))
    ### END SOLUTION


# %%
@st.composite
def answers_of_D(draw):
    n = draw(st.integers(1, 3))
    eighths = st.lists(st.integers(1, 7), min_size=n, max_size=n)
    return {"D_real": np.array(draw(eighths)) / 8, "D_fake": np.array(draw(eighths)) / 8}


def kl_of(D_real):
    return np.mean(np.log(D_real / (1 - D_real)))


divergence = Exercise(
    "18.2",
    divergences,
    answers_of_D(),
    hint="V(D*, G) = -log 4 + 2 JSD, and D* / (1 - D*) = p* / p_g.",
    mistakes={
        "value": Mistake(
            lambda D_real, D_fake: (np.mean(np.log(D_real)) + np.mean(np.log(1 - D_fake)), kl_of(D_real)),
            "The first is the value of the game; solve its formula for the JSD.",
        ),
        "not halved": Mistake(
            lambda D_real, D_fake: (2 * divergences(D_real, D_fake)[0], kl_of(D_real)),
            "Your first number is twice the JSD.",
        ),
        "KL over fakes": Mistake(
            lambda D_real, D_fake: (divergences(D_real, D_fake)[0], kl_of(D_fake)),
            "The JSD is right. The KL is a mean over real examples.",
        ),
        "log D alone": Mistake(
            lambda D_real, D_fake: (divergences(D_real, D_fake)[0], np.mean(np.log(D_real))),
            "The JSD is right. D is not the ratio of the densities: how do you get that from D?",
        ),
        "mean before log": Mistake(
            lambda D_real, D_fake: (
                (np.log(np.mean(D_real)) + np.log(np.mean(1 - D_fake)) + np.log(4)) / 2,
                np.log(np.mean(D_real) / np.mean(1 - D_real)),
            ),
            "First the logarithm of each answer, then the mean.",
        ),
    },
)


# %% [markdown] 18.3 What moves the generator
# The smallest game: $G(z) = z + \theta$ and $D(x) = \operatorname{sigmoid}(w x + b)$. Derive
# $\partial / \partial \theta$ of the generator's two losses, the mean of $\log(1 - D(G(z)))$ and the mean of
# $-\log D(G(z))$. Which of them still moves $\theta$ if $D$ is sure of the fakes?
# %% 18.3
def generator_slopes(theta, z, w, b):
    """(slope of the minimax loss, of the non-saturating one), two numbers; z: (m,)."""
    ### BEGIN SOLUTION
    D = 1 / (1 + np.exp(-(w * (z + theta) + b)))
    return -w * np.mean(D), -w * np.mean(1 - D)
    ### END SOLUTION


# %%
@st.composite
def fakes(draw):
    return {
        "theta": draw(numbers(-2, 2)),
        "z": draw(vectors(low=-2, high=2)),
        "w": draw(st.one_of(numbers(-2, -0.25), numbers(0.25, 2))),
        "b": draw(numbers(-2, 2)),
    }


def sigmoid(a):
    return 1 / (1 + np.exp(-a))


moves = Exercise(
    "18.3",
    generator_slopes,
    fakes(),
    hint="By the score a the slopes are -D and -(1 - D). How does the score depend on theta?",
    mistakes={
        "by the score": Mistake(
            lambda theta, z, w, b: tuple(slope / w for slope in generator_slopes(theta, z, w, b)),
            "These are the slopes by the score; from theta to the score there is one more factor.",
        ),
        "exchanged": Mistake(lambda *given: generator_slopes(*given)[::-1], "The two losses have changed places."),
        "upwards": Mistake(
            lambda *given: tuple(-slope for slope in generator_slopes(*given)),
            "The sign: where D rises with x, a larger theta makes both losses smaller.",
        ),
        "D of the mean": Mistake(
            lambda theta, z, w, b: generator_slopes(theta, np.array([z.mean()]), w, b),
            "The mean is over the slopes of the examples; D of the mean example is something else.",
        ),
    },
)


# %% [markdown] 18.4 One round of Algorithm 1
# The same game, $k = 1$, rate $\varepsilon$: first $D$ **ascends**
# $\frac1m \sum_i \big[\log D(x_i) + \log(1 - D(G(z_i)))\big]$ in $w$ and $b$; then, against the **new** $D$ and with
# the same $z$, $G$ descends the non-saturating loss $-\frac1m \sum_i \log D(G(z_i))$ in $\theta$.
# %% 18.4
def one_round(w, b, theta, x, z, rate):
    """The new (w, b, theta); x and z: (m,)."""

    def D(x, w, b):
        return 1 / (1 + np.exp(-(w * x + b)))

    ### BEGIN SOLUTION
    fake = z + theta
    of_real, of_fake = 1 - D(x, w, b), -D(fake, w, b)  # slopes of V by the scores
    new_w = w + rate * np.mean(of_real * x + of_fake * fake)
    new_b = b + rate * np.mean(of_real + of_fake)
    # D has moved
    return new_w, new_b, theta + rate * new_w * np.mean(1 - D(fake, new_w, new_b))
    ### END SOLUTION


# %%
@st.composite
def rounds(draw):
    m = draw(st.integers(1, 3))
    return {
        "w": draw(numbers(-1, 1)),
        "b": draw(numbers(-1, 1)),
        "theta": draw(numbers(-1, 1)),
        "x": draw(vectors(m, -2, 2)),
        "z": draw(vectors(m, -2, 2)),
        "rate": draw(numbers(0.25, 1)),
    }


def round_with(upwards=1, fresh=True, moves=1, minimax=False):
    def answer(w, b, theta, x, z, rate):
        fake = z + theta
        of_real, of_fake = 1 - sigmoid(w * x + b), -sigmoid(w * fake + b)
        new_w = w + upwards * rate * (np.mean(of_real * x) + np.mean(of_fake * fake))
        new_b = b + upwards * rate * (np.mean(of_real) + np.mean(of_fake))
        w_seen, b_seen = (new_w, new_b) if fresh else (w, b)
        D = sigmoid(w_seen * fake + b_seen)
        return new_w, new_b, theta + moves * rate * w_seen * np.mean(D if minimax else 1 - D)

    return answer


def m_times(w, b, theta, x, z, rate):
    fake, m = z + theta, len(x)
    of_real, of_fake = 1 - sigmoid(w * x + b), -m * sigmoid(w * fake + b)
    w, b = w + rate * np.mean(of_real * x + of_fake * fake), b + rate * np.mean(of_real + of_fake)
    return w, b, theta + rate * w * np.mean(1 - sigmoid(w * fake + b))


def real_alone(w, b, theta, x, z, rate):
    of_real = 1 - sigmoid(w * x + b)
    fake, w, b = z + theta, w + rate * np.mean(of_real * x), b + rate * np.mean(of_real)
    return w, b, theta + rate * w * np.mean(1 - sigmoid(w * fake + b))


def b_by_new_w(w, b, theta, x, z, rate):
    fake = z + theta
    w = w + rate * np.mean((1 - sigmoid(w * x + b)) * x - sigmoid(w * fake + b) * fake)
    b = b + rate * np.mean(1 - sigmoid(w * x + b) - sigmoid(w * fake + b))
    return w, b, theta + rate * w * np.mean(1 - sigmoid(w * fake + b))


algorithm = Exercise(
    "18.4",
    one_round,
    rounds(),
    hint=(
        "By the score, log D has the slope 1 - D and log(1 - D) the slope -D. Then "
        "w and b; then theta, with the new ones."
    ),
    mistakes={
        "D descends": Mistake(round_with(upwards=-1), "D descends here: it must learn to tell them apart, so upwards."),
        "at the same time": Mistake(
            round_with(fresh=False), "w and b are right. G answers to the D that has just moved, not to the one before."
        ),
        "b by the new w": Mistake(
            b_by_new_w, "w is right. Take both slopes at the old w and b first, then both steps."
        ),
        "G runs away": Mistake(
            round_with(moves=-1), "w and b are right. G must move its fakes to where D is *higher*."
        ),
        "minimax loss": Mistake(
            round_with(minimax=True),
            "w and b are right. This is the step for log(1 - D); asked for is that for -log D.",
        ),
        "fakes m times": Mistake(
            m_times, "The fakes count m times here: one sum, one bracket, one fake for each real example."
        ),
        "real ones alone": Mistake(real_alone, "D looks at the fakes too when it learns."),
    },
)


# %% [markdown] 18.5 The Fréchet distance without matrices
# If the features do not depend on each other, $S_1$ and $S_2$ are diagonal. What becomes of
# $\lVert m_1 - m_2 \rVert^2 + \operatorname{tr}\big(S_1 + S_2 - 2 (S_1 S_2)^{1/2}\big)$? Write it with the standard
# deviations $d_1$, $d_2$ of the features.
# %% 18.5
def frechet_of_features(m1, d1, m2, d2):
    """The squared distance; means and standard deviations, (features,) each."""
    ### BEGIN SOLUTION
    return np.sum((m1 - m2) ** 2 + (d1 - d2) ** 2)
    ### END SOLUTION


# %%
@st.composite
def features(draw):
    n = draw(st.integers(1, 3))
    return {
        "m1": draw(vectors(n, -2, 2)),
        "d1": draw(vectors(n, 0.25, 2)),
        "m2": draw(vectors(n, -2, 2)),
        "d2": draw(vectors(n, 0.25, 2)),
    }


frechet = Exercise(
    "18.5",
    frechet_of_features,
    features(),
    hint="The root of a diagonal matrix is that of its entries, the trace their sum: then it is a square again.",
    mistakes={
        "variances": Mistake(
            lambda m1, d1, m2, d2: np.sum((m1 - m2) ** 2 + (d1**2 - d2**2) ** 2),
            "The matrices hold variances, but the root of their product holds deviations.",
        ),
        "no root": Mistake(
            lambda m1, d1, m2, d2: np.sum((m1 - m2) ** 2 + d1**2 + d2**2 - 2 * d1**2 * d2**2),
            "The product of the two matrices is under a root.",
        ),
        "means alone": Mistake(
            lambda m1, d1, m2, d2: np.sum((m1 - m2) ** 2),
            "Two clouds of different width around one place are not alike.",
        ),
        "not squared": Mistake(
            lambda *given: np.sqrt(frechet_of_features(*given)), "This is the distance; its square is asked for."
        ),
        "deviations for variances": Mistake(
            lambda m1, d1, m2, d2: np.sum((m1 - m2) ** 2 + d1 + d2 - 2 * np.sqrt(d1 * d2)),
            "The entries of the matrices are the squares of the deviations.",
        ),
    },
)


# %% [markdown] 18.6 A D that stands still
# In the 1-D game take fresh players, $G$ and the score $a$, as in the notebook. Train $D$ alone until it has learned, as
# there, then $G$ alone, not for 8 steps but for 1,000: what becomes of the fakes? Where do they go, and what does $D$ say
# of them?
# %%
still = Exercise(
    "18.6",
    hint="Against a D that does not answer, is there any reason for two fakes not to be at the same place?",
    expected=(
        "They crowd on one narrow spot, near x = 2.2: not where the data are most frequent, but where this D is highest, on the slope "
        "of the right bump that faces away from the fakes of the start. D calls them real with about 0.85, since nobody tells it "
        "otherwise. One spot is the best answer to a D that stands still: that is mode collapse."
    ),
)

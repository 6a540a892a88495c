"""Exercises of notebook 22, beyond one machine."""

import numpy as np
from hypothesis import strategies as st

from coursekit.exercises.exercise import Exercise, Mistake, vectors


# %% [markdown] 22.1 Fill the assembly line
# $p$ workers hold a layer each, $m$ micro-batches pass through; each worker takes one turn for one micro-batch. During
# which share of their time, all added up, are the workers idle? Give the smallest $m$ for which it is at most $q$.
# %% 22.1
def micro_batches_enough(p, q):
    """The smallest m; p workers, 0 < q < 1."""
    ### BEGIN SOLUTION
    return int(np.ceil((p - 1) * (1 - q) / q))
    ### END SOLUTION


# %%
@st.composite
def lines(draw):
    return {"p": draw(st.integers(2, 16)), "q": draw(st.integers(1, 3)) / 8}


line = Exercise(
    "22.1",
    micro_batches_enough,
    lines(),
    hint="The last worker begins p - 1 turns late and ends m turns later. How many of those turns does each one work?",
    mistakes={
        "idle over busy": Mistake(
            lambda p, q: int(np.ceil((p - 1) / q)),
            "The share is of the whole time, m + p - 1 turns, not of the m busy ones.",
        ),
        "p for p - 1": Mistake(
            lambda p, q: int(np.ceil(p * (1 - q) / q)), "The last worker waits for those before it: how many are they?"
        ),
        "rounded down": Mistake(
            lambda p, q: int((p - 1) * (1 - q) / q), "With so many they idle a little more than allowed: round up."
        ),
        "busy share": Mistake(
            lambda p, q: int(np.ceil((p - 1) * q / (1 - q))),
            "q is the share that *idles*: yours works for a share q only.",
        ),
    },
)


# %% [markdown] 22.2 Batch normalisation, the honest way
# Each worker knows the mean and the variance of its share, and how many examples it holds. The whole batch has another
# mean and another variance. Compute these from the workers' numbers alone: no example travels.
# %% 22.2
def statistics_of_all(means, variances, counts):
    """(mean, variance) of the whole batch; all three (workers,), a worker for each entry."""
    ### BEGIN SOLUTION
    weight = counts / np.sum(counts)
    mean = np.sum(weight * means)
    return mean, np.sum(weight * (variances + (means - mean) ** 2))
    ### END SOLUTION


# %%
@st.composite
def workers(draw):
    p = draw(st.integers(1, 3))
    counts = np.array([draw(st.integers(1, 8)) for _ in range(p)])
    return {"means": draw(vectors(p, -2, 2)), "variances": draw(vectors(p, 0, 2)), "counts": counts}


def weighted_mean(means, counts):
    return np.sum(counts * means) / np.sum(counts)


everyone = Exercise(
    "22.2",
    statistics_of_all,
    workers(),
    hint="A variance is the mean of the squares less the square of the mean. Which of these add up over the workers?",
    mistakes={
        "within alone": Mistake(
            lambda means, variances, counts: (weighted_mean(means, counts), weighted_mean(variances, counts)),
            "The mean is right. The shares lie around different means; that is variance of the whole batch, too.",
        ),
        "shares count alike": Mistake(
            lambda means, variances, counts: statistics_of_all(means, variances, np.ones(len(counts))),
            "A worker with more examples counts more.",
        ),
        "squares of the means left": Mistake(
            lambda means, variances, counts: (
                weighted_mean(means, counts),
                weighted_mean(variances + means**2, counts),
            ),
            "The mean is right. The second is the mean of the squares; the square of the mean is still in it.",
        ),
        "between unweighted": Mistake(
            lambda means, variances, counts: (
                weighted_mean(means, counts),
                weighted_mean(variances, counts) + np.var(means),
            ),
            "The mean is right. How far the shares lie apart must be weighted by their sizes as well.",
        ),
    },
)


# %% [markdown] 22.3 Ring or centre?
# An all-reduce of $n$ numbers of 32 bits over $p$ workers, on links of so many **bits** a second; starting a transfer
# takes a while as well. In the *ring* each of the $2 (p - 1)$ rounds passes one chunk of $n / p$ numbers. In the
# *centre* one machine receives $p - 1$ whole vectors over its link, one after the other, then sends $p - 1$. How long
# does each take? Draw both against $p$ for the 25.6 million gradients of ResNet-50, 1 Gbit/s and 0.1 ms.
# %% 22.3
def all_reduce_seconds(n, p, bits_per_second, start):
    """(ring, centre) in seconds; start: seconds before each transfer gets going."""
    ### BEGIN SOLUTION
    rounds = 2 * (p - 1)
    whole = 32 * n / bits_per_second
    return rounds * (start + whole / p), rounds * (start + whole)
    ### END SOLUTION


# %%
def with_parts(bits=32, chunk=lambda p: 1 / p, rounds=lambda p: 2 * (p - 1), once=False):
    def answer(n, p, bits_per_second, start):
        sending = bits * n / bits_per_second
        starts = 1 if once else rounds(p)
        return starts * start + rounds(p) * sending * chunk(p), starts * start + rounds(p) * sending

    return answer


ring = Exercise(
    "22.3",
    all_reduce_seconds,
    {
        "n": st.sampled_from((1000, 10**6, 25 * 10**6)),
        "p": st.integers(2, 32),
        "bits_per_second": st.sampled_from((10**6, 10**9)),
        "start": st.sampled_from((0.0, 0.001, 1.0)),
    },
    hint="Both make 2 (p - 1) transfers in a row. What does one transfer carry, and how many bits is that?",
    mistakes={
        "numbers": Mistake(with_parts(bits=1), "The link counts bits, and every number has 32."),
        "bytes": Mistake(with_parts(bits=4), "4 is a number's bytes; the link is measured in bits."),
        "whole vector in the ring": Mistake(
            with_parts(chunk=lambda p: 1), "In the ring only one chunk is passed in a round, not the whole vector."
        ),
        "one way": Mistake(
            with_parts(rounds=lambda p: p - 1), "That is half of the way: the sums must also be handed out again."
        ),
        "one start": Mistake(with_parts(once=True), "Every round, every transfer has a start of its own."),
    },
)


# %% [markdown] 22.4 The serial share, seen from outside
# You have measured the speed-up on $p$ machines. Which serial share $f$ does Amdahl's law conclude from it (Karp &
# Flatt 1990)? If that $f$ **grows** with $p$, what else is there besides Amdahl's serial part?
# %% 22.4
def serial_share(speed_up, p):
    """f, from the speed-up measured on p > 1 machines."""
    ### BEGIN SOLUTION
    return (p / speed_up - 1) / (p - 1)
    ### END SOLUTION


# %%
@st.composite
def measured(draw):
    p = draw(st.integers(2, 16))
    return {"speed_up": draw(st.integers(4, 4 * p)) / 4, "p": p}


outside = Exercise(
    "22.4",
    serial_share,
    measured(),
    hint="1 over the speed-up is f + (1 - f) / p. Solve for f.",
    mistakes={
        "waste": Mistake(
            lambda speed_up, p: 1 - speed_up / p,
            "This is the share of the machines' time that is wasted; f is one machine's.",
        ),
        "many machines": Mistake(
            lambda speed_up, p: 1 / speed_up, "That is Amdahl's limit for ever more machines; here p is known."
        ),
        "upside down": Mistake(
            lambda speed_up, p: (p - speed_up) / (p - 1),
            "Look at a speed-up of 2 on 4 machines: put your f back into the law.",
        ),
        "the other part": Mistake(
            lambda speed_up, p: 1 - serial_share(speed_up, p), "This is the share that can be divided."
        ),
    },
)


# %% [markdown] 22.5 A scale that looks after itself
# Loss scaling as in the notebook's last words on it: a step that meets infinity is skipped and **halves** the scale;
# after `patience` good steps in a row the scale is **doubled**, and the counting begins anew, as it does after an
# infinity. Which scale does each step use?
# %% 22.5
def scales(finite, first, patience):
    """The scale that each step uses, a list.

    finite: a list, True where the step went well; first: the scale of the first step.
    """
    ### BEGIN SOLUTION
    used, scale, good = [], first, 0
    for well in finite:
        used.append(scale)
        good = good + 1 if well else 0
        if not well:
            scale /= 2
        elif good == patience:
            scale, good = 2 * scale, 0
    return used
    ### END SOLUTION


# %%
def looked_after(reset=True, anew=True, factor=2.0, at_once=False):
    def answer(finite, first, patience):
        used, scale, good = [], first, 0
        for well in finite:
            before = scale
            good = good + 1 if well else (0 if reset else good)
            if not well:
                scale /= factor
            elif good == patience or (not anew and good > patience):
                scale, good = 2 * scale, 0 if anew else good
            used.append(scale if at_once else before)
        return used

    return answer


scaling = Exercise(
    "22.5",
    scales,
    {
        "finite": st.lists(st.booleans(), min_size=1, max_size=8),
        "first": st.sampled_from((1024.0, 32768.0)),
        "patience": st.integers(1, 3),
    },
    hint="Note the scale first; then count, and change it for the *next* step.",
    mistakes={
        "in all": Mistake(looked_after(reset=False), "Good steps *in a row*: an infinity begins the counting anew."),
        "counts on": Mistake(looked_after(anew=False), "After a doubling the counting begins anew."),
        "too early": Mistake(
            looked_after(at_once=True),
            "A step uses the scale that it finds; what it brings about holds from the next one on.",
        ),
        "never smaller": Mistake(looked_after(factor=1.0), "After an infinity the scale must become smaller."),
    },
)


# %% [markdown] 22.6 A checkpoint that forgets
# Leave the optimizer's variables out of `save` and `restore`. Run these two cells, then the cell that fills `folder` and
# `program` (it takes the new functions and an empty folder), then those of "A worker dies" as far as `again`. Compare
# `again` with `before[5:]`: at which step can you see it, and by what? And with plain SGD in place of Adam?
# %%
forgets = Exercise(
    "22.6",
    hint="What does the loss of the first step after the restart depend on, and what the update that follows it?",
    expected=(
        "The first loss after the restart, that of step 5, is still the same: it is computed before "
        "any update, from weights that were restored. "
        "Step 6 shows it: Adam began with empty averages and a count of 0, so its update at step "
        "5 was another one, and the losses stay apart. "
        "Plain SGD with a fixed rate remembers nothing that an update depends on: "
        "with it the run is the same to the end."
    ),
)

"""Time per epoch of the course's NumPy MLP against scikit-learn's, interleaved in one process.

Same layers, batch size, solver, data and float32; the median ratio over the rounds is printed.
"""

import statistics
import sys
import time
import warnings

import numpy as np
from report import publish, rows
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier

from coursekit import data, scratch

LAYERS = [784, 300, 100, 10]


def seconds(work, *arguments, **options) -> float:
    start = time.perf_counter()
    work(*arguments, **options)
    return time.perf_counter() - start


def main(rounds: int = 7) -> None:
    images, labels = data.load_digits("train")
    x, y = images.reshape(len(images), -1), np.eye(10, dtype=np.float32)[labels]
    warnings.simplefilter("ignore", ConvergenceWarning)
    lines = []
    for batch_size in (32, 128, 200):
        ours, theirs = [], []
        for _ in range(rounds):
            model = scratch.MLP(LAYERS, dtype=np.float32)
            adam = scratch.Adam(0.001)
            ours.append(seconds(scratch.fit, model, x, y, optimizer=adam, epochs=1, batch_size=batch_size))
            peer = MLPClassifier(LAYERS[1:-1], batch_size=batch_size, max_iter=1, alpha=0, random_state=0)
            theirs.append(seconds(peer.fit, x, labels))
        ratio = statistics.median(a / b for a, b in zip(ours, theirs))
        lines.append(
            [str(batch_size), f"{statistics.median(ours):.2f}", f"{statistics.median(theirs):.2f}", f"{ratio:.2f}"]
        )
    table = rows(["batch", "coursekit (s)", "scikit-learn (s)", "ratio"], lines)
    publish(
        __file__,
        "An epoch of the NumPy MLP against scikit-learn's",
        f"{len(x):,} images, layers {LAYERS}, Adam, float32, median of {rounds} rounds.\n\n{table}",
    )


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))

"""Dropout on MNIST at the size of its paper: test errors without it, with it, and with a bound on the weights.

Srivastava et al. (2014) report 1.25 % for three layers of 1,024 ReLUs with dropout. Here 100 epochs of all 60,000
digits by Adam, its rate falling along a cosine; nothing was chosen by the test digits. Nine runs of two
minutes on a GPU; `make bench` leaves it out.
"""

import json
import statistics
import sys
import time

NETWORKS = {
    "no dropout": {"dropout": False},
    "dropout: 0.2 of the pixels, 0.5 of the units": {"dropout": True},
    "dropout, weights of a unit at most 2 long": {"dropout": True, "longest": 2.0},
}
SEEDS = (1, 2, 3)


def train(seed: int, dropout: bool, longest: float | None = None, epochs: int = 100) -> dict:
    """Test error and seconds of one network."""
    import coursekit

    coursekit.start(seed=seed)
    import keras
    from keras import layers

    from coursekit import data

    x, y = data.load_digits("train", 60_000, source="mnist")
    test, labels = data.load_digits("test", 10_000, source="mnist")
    bound = keras.constraints.MaxNorm(longest) if longest else None
    network = keras.Sequential([keras.Input((28, 28, 1)), layers.Flatten()])
    if dropout:
        network.add(layers.Dropout(0.2))
    for _ in range(3):
        network.add(layers.Dense(1024, "relu", kernel_initializer="he_normal", kernel_constraint=bound))
        if dropout:
            network.add(layers.Dropout(0.5))
    network.add(layers.Dense(10))
    rate = keras.optimizers.schedules.CosineDecay(1e-3, epochs * len(x) // 100)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    network.compile(keras.optimizers.Adam(rate), loss, metrics=["accuracy"])
    begun = time.monotonic()
    network.fit(x, y, batch_size=100, epochs=epochs, verbose=0)
    seconds = time.monotonic() - begun
    return {"error": 1 - network.evaluate(test, labels, batch_size=500, verbose=0)[1], "seconds": seconds}


def main() -> None:
    import one_thread
    from report import publish, rows

    lines = []
    for name, options in NETWORKS.items():
        found = one_thread.run(__file__, [options | {"seed": seed} for seed in SEEDS])
        errors = [100 * result["error"] for result in found]
        lines.append(
            [name, str(len(errors)), f"**{statistics.mean(errors):.2f}**", f"{min(errors):.2f} ... {max(errors):.2f}"]
        )
    table = rows(["784-1024-1024-1024-10", "seeds", "mean", "range"], lines)
    publish(
        __file__, "Dropout on MNIST: test error (%)", f"Srivastava et al. (2014) report 1.25 with dropout.\n\n{table}"
    )


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print(json.dumps(train(**json.loads(sys.argv[1]))))
    else:
        main()

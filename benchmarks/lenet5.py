"""LeNet-5 on all of MNIST, one ingredient after another: the test error of each recipe.

The recipes were chosen on 5,000 held-out training images; the test set only reports. Each model is
trained on all 60,000 images by one thread, two models at a time: about an hour of one core in all.
"""

import json
import statistics
import sys
import time

RECIPES = {  # each adds to the one before
    "the plain network": {},
    "+ max-pooling": {"pooling": "max"},
    "+ ReLU": {"activation": "relu"},
    "+ schedule, rate × 4": {"schedule": True},
    "+ weight decay": {"weight_decay": 0.2},
    "+ label smoothing": {"smoothing": 0.05},
    "+ distortions, epochs × 3": {"distortions": True, "epochs": 60},
}

SEEDS = {name: 3 for name in RECIPES} | {"+ label smoothing": 5, "+ distortions, epochs × 3": 5}


def train(
    activation="tanh",
    pooling="average",
    schedule=False,
    weight_decay=0.0,
    smoothing=0.0,
    distortions=False,
    epochs=20,
    seed=0,
) -> dict:
    """One model; its test error in per cent by epoch, and the seconds that training took."""
    import coursekit

    coursekit.start(seed)
    import keras
    import numpy as np

    from coursekit import data
    from coursekit.vision import RandomDistortion, architectures

    def framed(split):
        images, labels = data.load_digits(split, source="mnist")
        return np.pad(images, ((0, 0), (2, 2), (2, 2), (0, 0))) * 1.275 - 0.1, np.eye(10)[labels]

    x, y = framed("train")
    test = framed("test")
    steps = -(-len(x) // 128)
    learning_rate = (
        keras.optimizers.schedules.CosineDecay(0.0, (epochs - 1) * steps, warmup_target=4e-3, warmup_steps=steps)
        if schedule
        else 1e-3
    )
    optimizer = keras.optimizers.AdamW(learning_rate, weight_decay=weight_decay)
    optimizer.exclude_from_weight_decay(var_names=["bias"])
    network = architectures.lenet5(activation=activation, pooling=pooling)
    model = keras.Sequential([RandomDistortion(fill_value=-0.1), network]) if distortions else network
    model.compile(optimizer, keras.losses.CategoricalCrossentropy(label_smoothing=smoothing), metrics=["accuracy"])
    errors, start = {}, time.process_time()
    for epoch in range(1, epochs + 1):
        model.fit(x, y, batch_size=128, verbose=0)
        if epoch in (1, 3, 10, epochs):
            errors[epoch] = 100 * (1 - model.evaluate(*test, batch_size=1000, verbose=0)[1])
    return {"errors": errors, "seconds": time.process_time() - start}


def tabulate(results: dict[str, list[dict]]) -> None:
    """Publish a row for each recipe: the mean error by epoch, the range over the seeds, the time."""
    from report import publish, rows

    lines = []
    for name, runs in results.items():
        means = {epoch: statistics.fmean(run["errors"][epoch] for run in runs) for epoch in runs[0]["errors"]}
        *early, last = means
        end = [run["errors"][last] for run in runs]
        lines.append(
            [
                name,
                *(f"{means[epoch]:.2f}" for epoch in early),
                str(last),
                f"**{means[last]:.2f}**",
                f"{min(end):.2f} ... {max(end):.2f}",
                str(len(runs)),
                f"{statistics.fmean(run['seconds'] for run in runs):.0f}",
            ]
        )
    header = ["recipe", "1 epoch", "3", "10", "epochs", "at the end", "range", "seeds", "CPU seconds"]
    publish(
        __file__,
        "LeNet-5 on MNIST: test error (%)",
        "61,706 parameters, 60,000 training images. LeCun et al. (1998) report 0.95 without distortions and "
        f"0.80 with them.\n\n{rows(header, lines)}",
    )


def main() -> None:
    import one_thread

    jobs, settings = [], {}
    for name, added in RECIPES.items():
        settings = settings | added
        jobs += [(name, settings | {"seed": seed}) for seed in range(1, SEEDS[name] + 1)]
    results = {name: [] for name in RECIPES}
    for (name, _), result in zip(jobs, one_thread.run(__file__, [options for _, options in jobs])):
        results[name].append(result)
    tabulate(results)


if __name__ == "__main__":
    if len(sys.argv) == 2 and sys.argv[1].startswith("{"):
        print(json.dumps(train(**json.loads(sys.argv[1]))))
    else:
        main()

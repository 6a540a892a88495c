"""Our VGG16 and ResNet-50 against `keras.applications`: seconds a training step, and peak memory.

Step times are interleaved in one process, batch and data equal; the median of the rounds' ratios
counts. Peak memory is that of a fresh process which builds one model and trains three steps.
"""

import resource
import statistics
import subprocess
import sys
import time

from report import publish, rows

from coursekit.environment import quiet_keras

keras = quiet_keras()
import numpy as np  # noqa: E402

from coursekit.vision import architectures  # noqa: E402

PEERS = {"vgg16": keras.applications.VGG16, "resnet50": keras.applications.ResNet50}
SIZE, BATCH, CLASSES = 96, 8, 10


def build(name: str, side: str):
    builder = (
        getattr(architectures, name) if side == "coursekit" else lambda **options: PEERS[name](weights=None, **options)
    )
    model = builder(input_shape=(SIZE, SIZE, 3), classes=CLASSES)
    model.compile("sgd", "sparse_categorical_crossentropy")
    return model


def batch():
    generator = np.random.default_rng(0)
    return (generator.uniform(size=(BATCH, SIZE, SIZE, 3)).astype("float32"), generator.integers(0, CLASSES, BATCH))


def seconds(model, x, y) -> float:
    start = time.perf_counter()
    model.train_on_batch(x, y)
    return time.perf_counter() - start


def compare(name: str, rounds: int) -> list[str]:
    models = {side: build(name, side) for side in ("coursekit", "keras.applications")}
    x, y = batch()
    times = {side: [] for side in models}
    for turn in range(rounds + 3):  # the first three warm up
        order = list(models) if turn % 2 else list(models)[::-1]
        for side in order:
            took = seconds(models[side], x, y)
            if turn >= 3:
                times[side].append(took)
    ratio = statistics.median(ours / theirs for ours, theirs in zip(*times.values()))
    memory = [
        int(subprocess.run([sys.executable, __file__, name, side], capture_output=True, text=True, check=True).stdout)
        for side in models
    ]
    return [
        name,
        *(f"{1000 * statistics.median(t):.0f}" for t in times.values()),
        f"{ratio:.3f}",
        *(f"{megabytes:,}" for megabytes in memory),
        f"{memory[0] / memory[1]:.3f}",
    ]


def main(rounds: int = 40) -> None:
    header = [
        "",
        "step, coursekit (ms)",
        "step, keras.applications (ms)",
        "ratio",
        "memory, coursekit (MB)",
        "memory, keras.applications (MB)",
        "ratio",
    ]
    table = rows(header, [compare(name, rounds) for name in PEERS])
    publish(
        __file__,
        "Builders against keras.applications",
        f"{SIZE} × {SIZE} photographs, batch {BATCH}, {rounds} rounds, median.\n\n{table}",
    )


if __name__ == "__main__":
    if len(sys.argv) == 3:  # a fresh process for its memory
        model, (x, y) = build(*sys.argv[1:]), batch()
        for _ in range(3):
            model.train_on_batch(x, y)
        print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1000)
    else:
        main(*map(int, sys.argv[1:]))

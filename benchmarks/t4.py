"""How long the full profile would take on a T4, the GPU that Colab lends: an estimate, made without one.

    python benchmarks/t4.py 09 16    two notebooks
    python benchmarks/t4.py          all of them: an hour or two of one core
    python benchmarks/t4.py --table  run nothing; publish the table of the record

Each notebook runs in its full sizes, but each training does only a few of its steps. They are timed, and their
floating-point operations and kernels counted; so are those of `evaluate` and `predict`. The record is t4.csv.
"""

import argparse
import functools
import inspect
import json
import math
import os
import statistics
import sys
import time
import weakref
from pathlib import Path

import nbformat
from nbformat.v4 import new_code_cell, new_notebook
from one_thread import ENVIRONMENT
from report import keep, publish, recorded, rows

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tools"))

from execution import NOTEBOOKS, chosen, execute  # noqa: E402
from mutants import GO_ON, crash  # noqa: E402
from soak import code_of  # noqa: E402

RECORD = Path(__file__).with_suffix(".csv")
RATE = 1e12  # floating-point operations in a second; the T4's peak is 8.1e12
LAUNCH = 10e-6  # seconds to start a kernel
EXECUTED = 12  # steps of each training, rounded up to whole ones an epoch; the first one compiles
FREE = set("Const Identity NoOp Placeholder ReadVariableOp Reshape Shape StopGradient StridedSlice".split())
ABOUT = f"""
**An estimate: nothing here ran on a T4.** Each notebook ran in its full sizes on TensorFlow with one thread, but did only
{EXECUTED} to {2 * EXECUTED} steps of each training, or one an epoch (by hand, {EXECUTED} of each model). A batch of validation during
training counts as a third of a step. *Other* are the seconds outside of training steps, `evaluate` and `predict`
(data, NumPy, compiling, pictures), *CPU* are all, both as measured here; where a run of the full profile on a CPU is on
record, compare. *T4*: the other seconds, and for each step and each batch of a forward pass {LAUNCH * 1e6:.0f} microseconds a kernel
and {RATE / 1e12:.0f} teraflop/s, of 8.1 at its peak: both assumed. Steps with a loop inside their graph (recurrent layers) count as
here. MB are those of the host.
""".strip()


def watch() -> dict[str, float]:
    """Let training do a few steps only, and add up what it, `evaluate` and `predict` take; for a notebook's kernel.

    Returns:
        The sums so far, of all steps: "steps", "operations", "kernels", "here" (seconds), "loops" (seconds of those whose
        operations cannot be counted, as a loop in their graph hides how often); and "spent" (seconds of what ran of
        them, and of the counting).
    """
    import keras

    sums = dict.fromkeys(("steps", "operations", "kernels", "loops", "here", "spent"), 0.0)
    whole = {name: getattr(keras.Model, name) for name in ("fit", "train_on_batch", "evaluate", "predict")}
    trained, called = weakref.WeakKeyDictionary(), weakref.WeakKeyDictionary()  # what a step and a forward pass cost
    fitting, took = [], weakref.WeakKeyDictionary()

    def add(steps, each, cost):
        for name, amount in ({"steps": 1, "here": each} | (cost or {"loops": each})).items():
            sums[name] += steps * amount

    @functools.wraps(whole["fit"])
    def few(self, *args, **options):
        asked = inspect.signature(whole["fit"]).bind(self, *args, **options)
        asked.apply_defaults()
        fit, clock, seen = asked.arguments, _clock(), []
        batch, steps = _batches(fit["x"], fit["batch_size"], fit["steps_per_epoch"], 1 - fit["validation_split"])
        epochs, batches = fit["epochs"] - fit["initial_epoch"], steps
        if epochs <= 0:
            return whole["fit"](self, *args, **options)
        if fit["validation_data"] is not None:
            tested = fit["validation_data"][0] if isinstance(fit["validation_data"], tuple) else fit["validation_data"]
            size = fit["validation_batch_size"] or fit["batch_size"]
            steps += _batches(tested, size, fit["validation_steps"])[1] / 3  # a forward pass is a third of a step
            fit["validation_steps"] = 1
        self.steps_per_execution = 1
        fit["steps_per_epoch"] = min(batches, math.ceil(EXECUTED / epochs))
        fit["callbacks"] = [*(fit["callbacks"] or []), clock]
        step = type(self).train_step

        def shown(data):
            seen.append(data)
            return step(self, data)

        self.train_step = shown
        fitting.append(self)
        history = whole["fit"](*asked.args, **asked.kwargs)
        fitting.pop()
        begun = time.perf_counter()
        if seen:
            trained[self] = _counted(functools.partial(step, self), _specs(seen[0], batch))
        each = statistics.median(clock.seconds[1:] or clock.seconds)
        add(steps * epochs, each, trained[self])
        sums["spent"] += each * len(clock.seconds) + time.perf_counter() - begun
        return history

    @functools.wraps(whole["train_on_batch"])
    def first_ones(self, x, y=None, *args, **options):
        begun = time.perf_counter()
        seconds = took.setdefault(self, [])
        if len(seconds) < EXECUTED:
            self.last = whole["train_on_batch"](self, x, y, *args, **options)
            seconds.append(time.perf_counter() - begun)
        if self not in trained:
            trained[self] = _counted(functools.partial(type(self).train_step, self), _specs((x, y), len(x)))
        add(1, statistics.median(seconds[1:] or seconds), trained[self])
        sums["spent"] += time.perf_counter() - begun
        return self.last

    def forward(name):
        @functools.wraps(whole[name])
        def timed(self, x=None, *args, **options):
            if self in fitting:  # the validation, counted there
                return whole[name](self, x, *args, **options)
            begun, outside = time.perf_counter(), sums["spent"]
            result = whole[name](self, x, *args, **options)
            seconds = time.perf_counter() - begun
            batch, steps = _batches(x, options.get("batch_size"), options.get("steps"))
            if self not in called:
                first = x.element_spec[0] if isinstance(getattr(x, "element_spec", None), tuple) else x
                called[self] = _counted(functools.partial(self, training=False), _specs(first, batch))
            add(steps, seconds / steps, called[self])
            sums["spent"] = outside + time.perf_counter() - begun
            return result

        return timed

    keras.Model.fit, keras.Model.train_on_batch = few, first_ones
    keras.Model.evaluate, keras.Model.predict = forward("evaluate"), forward("predict")
    return sums


def _clock():
    """A callback whose ``seconds`` are those of each call of the compiled step."""
    import keras

    class Clock(keras.callbacks.Callback):
        def __init__(self):
            super().__init__()
            self.seconds = []

        def on_train_batch_begin(self, batch, logs=None):
            self.begun = time.perf_counter()

        def on_train_batch_end(self, batch, logs=None):
            self.seconds.append(time.perf_counter() - self.begun)

    return Clock()


def _batches(x, size: int | None, steps: int | None, share: float = 1.0) -> tuple[int, int]:
    """The size of a batch, and their number in an epoch."""
    import keras

    if hasattr(x, "cardinality"):  # tf.data
        return int(keras.tree.flatten(next(iter(x)))[0].shape[0]), int(steps or x.cardinality())
    size = size or 32
    return size, int(steps or math.ceil(share * len(keras.tree.flatten(x)[0]) / size))


def _specs(tensors, batch: int):
    """The shapes of tensors, arrays or specs for a batch of that size; floats are float32, as Keras makes them."""
    import tensorflow as tf

    def spec(x):
        dtype = tf.as_dtype(x.dtype)
        return tf.TensorSpec([batch, *x.shape[1:]], tf.float32 if dtype.is_floating else dtype)

    return tf.nest.map_structure(lambda x: x if x is None else spec(x), tensors)


def _counted(step, specs) -> dict[str, int] | None:
    """Operations and kernels of a training step or forward pass; None if its graph has loops."""
    import tensorflow as tf
    from tensorflow.compat.v1.profiler import ProfileOptionBuilder, profile

    graph = tf.function(step, autograph=False).get_concrete_function(specs).graph
    options = ProfileOptionBuilder(ProfileOptionBuilder.float_operation()).with_empty_output().build()
    kinds = [operation.type for operation in graph.get_operations()]
    if any("While" in kind for kind in kinds):
        return None
    kernels = sum(kind not in FREE for kind in kinds)
    return {"operations": profile(graph, options=options).total_float_ops, "kernels": kernels}


def measure(path: Path) -> dict[str, str]:
    """Run a notebook in the full profile with few steps of each training; its line on record.

    Raises:
        SystemExit: a cell raised, other than by a claim, which so short a training need not meet.
    """
    notebook = nbformat.read(path, as_version=4)
    code = code_of(notebook)
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    for cell in cells:
        cell.outputs = []
    first = next(i for i, cell in enumerate(cells) if "start(" in cell.source) + 1
    counter = new_code_cell(
        f"import sys\nsys.path.insert(0, {str(Path(__file__).parent)!r})\nimport t4\nsums = t4.watch()"
    )
    last = new_code_cell("import json\nprint('SUMS', json.dumps(sums))")
    ran = new_notebook(cells=[new_code_cell(GO_ON), *cells[:first], counter, *cells[first:], last])
    run = execute(
        ran, NOTEBOOKS, keep_going=True, environment=dict(os.environ) | ENVIRONMENT | {"KERAS_BACKEND": "tensorflow"}
    )
    if error := crash(ran.cells):
        raise SystemExit(f"{path.stem} stopped: {error}")
    said = [line for output in ran.cells[-1].outputs for line in output.get("text", "").splitlines()]
    sums = next(json.loads(line[5:]) for line in said if line.startswith("SUMS "))
    other = run.seconds - sums["spent"]
    return {
        "notebook": path.stem,
        "code": code,
        "megabytes": f"{run.megabytes:.0f}",
        "other": f"{other:.0f}",
        "steps": f"{sums['steps']:.0f}",
        "operations": f"{sums['operations']:.3g}",
        "kernels": f"{sums['kernels']:.3g}",
        "loops": f"{sums['loops']:.0f}",
        "here": f"{other + sums['here']:.0f}",
    }


def on_t4(run: dict[str, str]) -> float:
    """Seconds of a run on record, on a T4, by the estimate."""
    return int(run["other"]) + int(run["loops"]) + LAUNCH * float(run["kernels"]) + float(run["operations"]) / RATE


def minutes(run: dict[str, str]) -> int:
    """The same in minutes, as the notebook's opening says it: rounded up, but for a few seconds."""
    return max(1, math.ceil((on_t4(run) - 15) / 60))


def table() -> str:
    """The runs on record, a line each."""
    codes = {path.stem: code_of(nbformat.read(path, as_version=4)) for path in chosen([])}
    lines = [
        [
            run["notebook"],
            f"{int(run['megabytes']):,}",
            f"{int(run['other']):,}",
            f"{int(run['steps']):,}",
            f"{float(run['operations']) / 1e12:,.2f}",
            f"{int(run['here']):,}",
            f"**{on_t4(run):,.0f}**",
            "" if codes.get(run["notebook"]) == run["code"] else "older",
        ]
        for run in recorded(RECORD)
    ]
    return rows(["notebook", "MB", "other, s", "steps", "10^12 operations", "CPU, s", "T4, s", "code"], lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("notebooks", nargs="*", help="numbers or names; all by default")
    parser.add_argument("--table", action="store_true", help="run nothing")
    arguments = parser.parse_args()
    for path in [] if arguments.table else chosen(arguments.notebooks):
        run = measure(path)
        keep(RECORD, run, ["notebook"])
        print(f"{path.stem}: {on_t4(run):.0f} s on a T4, estimated", flush=True)
    publish(__file__, "The full profile on a T4, estimated", f"{ABOUT}\n\n{table()}")


if __name__ == "__main__":
    main()

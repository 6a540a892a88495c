"""The full profile: each notebook once in its large sizes, its time, its memory and one figure of its own.

    python benchmarks/full.py 09 16      two notebooks, on the device that Keras finds
    python benchmarks/full.py            all of them, one after another: hours without a GPU
    python benchmarks/full.py --table    run nothing; publish the table of the runs on record

The record is full.csv: a line for each notebook, seed and device, written as soon as the run has ended. The table says
which runs were of a notebook whose code has changed since, bounds aside.
"""

import argparse
import datetime
import json
import os
import sys
from pathlib import Path

import nbformat
from nbformat.v4 import new_code_cell, new_notebook
from report import keep, publish, recorded, rows

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tools"))

from execution import NOTEBOOKS, chosen, execute  # noqa: E402
from mutants import GO_ON, crash  # noqa: E402
from seeds import measurements, reseeded  # noqa: E402
from soak import code_of  # noqa: E402

RECORD = Path(__file__).with_suffix(".csv")
SAME = ("notebook", "seed", "device")  # a run takes the place of an older one with the same
FIGURES = {  # the claim whose value the table shows
    "04": "test accuracy of the NumPy MLP",
    "05": "test accuracy with a falling learning rate",
    "06": "dropout: test error minus plain's, upper end of the interval",
    "07": "numbers that the tables keep, over the network's weights",
    "08": "test error of the convolutional network",
    "09": "test error",
    "10": "test error of three 3 x 3",
    "11": "bare: 8 residual blocks, He's start minus no blocks",
    "12": "test error, Inception, mean",
    "13": "from scratch with augmentation, mean test accuracy",
    "14": "mAP at IoU 0.5 on unseen scenes",
    "15": "one-shot accuracy, triplet loss",
    "16": "test error, deep autoencoder as a share of PCA's",
    "17": "ELBO of the test digits (nats)",
    "18": "of the GAN over the floor",
    "19": "L_I of c1 in the last epoch (nats)",
    "20": "nats per digit that the flow gains over one Gaussian",
    "21": "least error of the convolutional ones over that of softmax regression",
}
ABOUT = """
A line is a run of a notebook, whole unless it says "stopped", on the device that it names; "older": its code has changed
since, bounds aside. A run "beside 13 others" shared one GPU and 16 cores with as many: its seconds say little of a run
alone. Those on "cpu" of 29 November 2026 had one thread of a machine with two cores that did other
work, too.
""".strip()
LAST = """
import importlib.metadata
import json

import keras

if keras.backend.backend() == "jax":
    import jax

    _d = jax.devices()[0]
    _found = ((_d.memory_stats() or {}).get("peak_bytes_in_use", 0), _d.device_kind)
else:
    import tensorflow as tf

    _g = tf.config.list_physical_devices("GPU")
    _kind = tf.config.experimental.get_device_details(_g[0]).get("device_name", "GPU") if _g else "cpu"
    _found = (tf.config.experimental.get_memory_info("GPU:0")["peak"] if _g else 0, _kind)
_backend = keras.backend.backend()
print("FULL", json.dumps([*_found, f"{_backend} {importlib.metadata.version(_backend)}"]))
"""


def measure(path: Path, seed: int) -> dict[str, str]:
    """Run a notebook in the full profile; its line on record."""
    notebook = nbformat.read(path, as_version=4)
    code = code_of(notebook)
    notebook = reseeded(notebook, seed)
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    for cell in cells:
        cell.outputs = []
    ran = new_notebook(cells=[new_code_cell(GO_ON), *cells, new_code_cell(LAST)])
    run = execute(ran, NOTEBOOKS, keep_going=True, environment=dict(os.environ) | {"COURSEKIT_PROFILE": "full"})
    said = [line for output in ran.cells[-1].outputs for line in output.get("text", "").splitlines()]
    peak, kind, backend = next((json.loads(line[5:]) for line in said if line.startswith("FULL")), (0, "?", "?"))
    claims = measurements(ran)
    failed = [claim.name for claim in claims if claim.failed]
    if error := crash(ran.cells):
        failed.append(error)
    return {
        "notebook": path.stem,
        "seed": f"{seed}",
        "device": f"{kind}, {backend}",
        "date": f"{datetime.date.today()}",
        "code": code,
        "seconds": f"{run.seconds:.0f}",
        "megabytes": f"{run.megabytes:.0f}",
        "gpu": f"{peak / 1e6:.0f}",
        "claims": f"{len(claims)}",
        "failed": "; ".join(failed),
        "figure": next((claim.measured for claim in claims if claim.name == FIGURES.get(path.stem[:2])), ""),
    }


def table() -> str:
    """The runs on record, a line each."""
    codes = {path.stem: code_of(nbformat.read(path, as_version=4)) for path in chosen([])}
    lines = []
    for run in recorded(RECORD):
        name = FIGURES.get(run["notebook"][:2], "")
        lines.append(
            [
                run["notebook"],
                run["seed"],
                run["device"],
                f"{int(run['seconds']):,}",
                f"{int(run['megabytes']):,}",
                f"{int(run['gpu']):,}",
                run["claims"],
                run["failed"] or "none",
                f"{name}: {run['figure']}" if run["figure"] else "",
                "" if codes.get(run["notebook"]) == run["code"] else "older",
            ]
        )
    header = ["notebook", "seed", "on", "s", "MB", "MB of the GPU", "claims", "failed", "a figure", "code"]
    return rows(header, lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("notebooks", nargs="*", help="numbers or names; all by default")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--table", action="store_true", help="run nothing")
    arguments = parser.parse_args()
    for path in [] if arguments.table else chosen(arguments.notebooks):
        run = measure(path, arguments.seed)
        keep(RECORD, run, SAME)
        print(f"{path.stem}: {run['seconds']} s, failed: {run['failed'] or 'none'}", flush=True)
    publish(__file__, "The full profile", f"{ABOUT}\n\n{table()}", machine="on the devices that the table names")


if __name__ == "__main__":
    main()

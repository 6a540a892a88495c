"""Compare every notebook, cell by cell, with its stored outputs (nbval, strictly).

    python tools/check_notebooks.py                  all, on drawn data, then on real data
    python tools/check_notebooks.py --data drawn 04  one, on one of them

The first leg runs on the digits, animals and characters that coursekit draws itself, the second on real MNIST, real
photographs and Omniglot, where they are prepared, under another numerical environment: no oneDNN kernels, one thread. A
claim must hold, and every unmasked character must agree, on both. Ctrl-C stops at once, with the exit status 130.
"""

import argparse
import os
import sys
import time
from pathlib import Path

import safely
from execution import chosen, longest_first

ROOT = Path(__file__).parents[1]
SHARED_CORES = {"OPENBLAS_NUM_THREADS": "1"}  # two kernels run at once
DRAWN = {
    "COURSEKIT_DIGITS": "stroke_digits",
    "COURSEKIT_PHOTOS": "drawn_pets",
    "COURSEKIT_CHARACTERS": "stroke_characters",
}
REAL = {"COURSEKIT_DIGITS": "mnist", "COURSEKIT_PHOTOS": "auto", "COURSEKIT_CHARACTERS": "auto"}
OTHER_NUMERICS = {
    "TF_ENABLE_ONEDNN_OPTS": "0",
    "TF_NUM_INTRAOP_THREADS": "1",
    "TF_NUM_INTEROP_THREADS": "1",
    "OMP_NUM_THREADS": "1",
}


def leg(title: str, notebooks: list[str], **environment: str) -> int:
    """Run one leg; pytest's exit status."""
    print(f"\n== notebooks, {title}", flush=True)
    start = time.monotonic()
    command = [
        sys.executable,
        "-m",
        "pytest",
        "--nbval",
        "--nbval-current-env",
        "--nbval-sanitize-with",
        "tests/notebooks/sanitize.cfg",
        "-n",
        "2",
        "--dist",
        "loadfile",
        "--no-loadscope-reorder",
        "-q",
        "--durations=5",
        *map(str, longest_first(chosen(notebooks))),
    ]
    environment = os.environ | {"COURSEKIT_PROFILE": "quick"} | SHARED_CORES | environment
    try:
        return safely.call(command, cwd=ROOT, env=environment)
    except KeyboardInterrupt:
        raise KeyboardInterrupt(f"{time.monotonic() - start:.0f} s into this leg; nothing was changed") from None


def real_data_missing() -> str:
    """Why the real digits are not at hand; nothing if they are."""
    sys.path.insert(0, str(ROOT))
    from coursekit import data

    source = data.digits_source()
    if source.name == "MNIST" and source.reason.startswith("prepared"):
        return ""
    return f"{source.name} is in use ({source.reason})"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("notebooks", nargs="*", help="numbers or names; all by default")
    parser.add_argument("--data", choices=("drawn", "real"), help="one leg alone")
    arguments = parser.parse_args()
    failed = 0
    if arguments.data != "real":
        failed |= leg("on stroke_digits", arguments.notebooks, **DRAWN)
    if arguments.data != "drawn":
        if reason := real_data_missing():
            print(f"\n== notebooks, on MNIST: skipped, {reason}")
        else:
            failed |= leg("on MNIST, one thread, no oneDNN", arguments.notebooks, **REAL, **OTHER_NUMERICS)
    return failed


if __name__ == "__main__":
    safely.run(main)

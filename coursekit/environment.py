"""Where the course runs: its profile, its device, and a Keras that starts without a word."""

import json
import os
import sys
from contextlib import contextmanager, suppress
from pathlib import Path
from types import ModuleType
from typing import TextIO

from coursekit.checks import check_choice

__all__ = ["BACKENDS", "PROFILES", "check_channels_last", "chosen_backend", "device", "profile", "quiet_keras", "say"]

PROFILES = ("quick", "full")
BACKENDS = ("tensorflow", "jax")
ASCII = str.maketrans({"✓": "ok", "≤": "<=", "≥": ">=", "≈": "~", "±": "+-", "·": "-", "█": "#", "░": "."})


def profile() -> str:
    """ "quick" or "full": what COURSEKIT_PROFILE says, else "full" where there is a GPU.

    Raises:
        ValueError: COURSEKIT_PROFILE is set to something else.
    """
    chosen = os.environ.get("COURSEKIT_PROFILE")
    if not chosen:
        return "full" if _gpus() else "quick"
    check_choice("COURSEKIT_PROFILE", chosen, PROFILES)
    return chosen


def device() -> str:
    """What computes, in words: "CPU, 2 cores", or "1 GPU"; a GPU that is there but not used is named."""
    if gpus := _gpus():
        return f"{len(gpus)} GPU" + "s" * (len(gpus) > 1)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    unused = ' (there is an NVIDIA GPU, but not for Keras: see README, "With a GPU")' * Path("/dev/nvidia0").exists()
    return f"CPU, {cores} core" + "s" * (cores > 1) + unused


def _gpus() -> list[str]:
    # all devices: asked for GPUs alone, JAX raises where there is none
    return [name for name in quiet_keras().distribution.list_devices() if not name.startswith("cpu")]


def quiet_keras(needs: str | None = None) -> ModuleType:
    """Keras, with its backend woken up and none of their start-up messages.

    TensorFlow logs from C++ before any Python setting reaches it, so the first import runs with
    the process's standard error closed. Later it logs nothing below a fatal error: at the level of
    errors it also tells of graph optimisations that it had to leave out. What fails still raises.
    On JAX TensorFlow is woken up too, for its pipelines, and kept off the GPU.

    Args:
        needs: a backend to use instead of the one that Keras is set to.

    Raises:
        ValueError: Keras is set to a backend that the course does not run on, or already runs on
            another one than ``needs``.
        ImportError: the backend it is set to is not installed.
    """
    if "keras" not in sys.modules:
        if name := os.environ.get("KERAS_BACKEND"):
            check_choice("KERAS_BACKEND", name, BACKENDS)
        if needs:
            os.environ["KERAS_BACKEND"] = needs
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
        with _silent_stderr():
            try:
                import absl.logging
                import keras
            except (ImportError, ValueError) as error:
                where = f"KERAS_BACKEND, {name}," if name else '"backend" in keras.json'
                raise ImportError(f"the backend that {where} asks for cannot be imported: {error}") from error
            absl.logging.set_verbosity(absl.logging.ERROR)
            if keras.backend.backend() in BACKENDS:
                keras.distribution.list_devices()
            if keras.backend.backend() == "jax":
                import tensorflow as tf

                tf.config.set_visible_devices([], "GPU")
    keras = sys.modules["keras"]
    check_choice("the backend of Keras, set by KERAS_BACKEND or keras.json,", keras.backend.backend(), BACKENDS)
    if needs and keras.backend.backend() != needs:
        raise ValueError(
            f"this notebook needs Keras with {needs}, and Keras already runs with {keras.backend.backend()}: "
            "restart the kernel and run this cell first"
        )
    return keras


def chosen_backend() -> str:
    """The backend that Keras runs on, or will: KERAS_BACKEND, then keras.json, then TensorFlow."""
    if "keras" in sys.modules:
        return sys.modules["keras"].backend.backend()
    if name := os.environ.get("KERAS_BACKEND"):
        return name
    home = Path(os.environ.get("KERAS_HOME") or Path.home() / ".keras")
    with suppress(OSError, ValueError, AttributeError):
        return json.loads((home / "keras.json").read_text(encoding="utf-8")).get("backend", "tensorflow")
    return "tensorflow"


def check_channels_last() -> None:
    """Raise ValueError unless Keras keeps the channels of an image last, as the course does."""
    if (found := quiet_keras().config.image_data_format()) != "channels_last":
        raise ValueError(
            f"image_data_format of Keras must be 'channels_last'; got {found!r} (from keras.json?). "
            "coursekit.start sets it, or keras.config.set_image_data_format"
        )


def say(text: str, *, end: str = "\n", file: TextIO | None = None) -> None:
    """Print; a console that cannot show the course's signs gets them in ASCII."""
    file = file or sys.stdout
    try:
        print(text, end=end, file=file, flush=True)
    except UnicodeEncodeError:
        print(text.translate(ASCII).encode("ascii", "replace").decode(), end=end, file=file, flush=True)


@contextmanager
def _silent_stderr():
    sys.stderr.flush()
    saved = os.dup(2)
    with open(os.devnull, "w", encoding="utf-8") as nowhere:
        os.dup2(nowhere.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(saved, 2)
        os.close(saved)

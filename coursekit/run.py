"""The set-up of a run: its seed, its device and its profile."""

import platform
from dataclasses import dataclass
from typing import TypeVar

from coursekit.checks import check_choice, check_integer
from coursekit.environment import (
    BACKENDS,
    chosen_backend,
    device,
    explain_full_memory,
    keep_float32,
    let_memory_grow,
    profile,
    quiet_keras,
    say,
)

__all__ = ["Run", "start"]

T = TypeVar("T")


@dataclass(frozen=True)
class Run:
    """What a notebook runs with.

    Attributes:
        seed: of every random choice in the notebook.
        profile: "quick" (2 cores, about two minutes at most) or "full" (more data, larger networks, with a GPU).
        device: in words, such as "CPU, 2 cores".
    """

    seed: int
    profile: str
    device: str

    def pick(self, *, quick: T, full: T) -> T:
        """The value for this run's profile: ``epochs = run.pick(quick=3, full=20)``."""
        return quick if self.profile == "quick" else full


def start(seed: int, *, needs: str | None = None) -> Run:
    """Begin a run: seed Python, NumPy and Keras, choose the profile and say so in one line.

    Also prepares Keras for the course: images have their channels last and numbers are float32
    whatever a keras.json says (the line then tells), saved models of coursekit load by themselves,
    and `fit` does not wait for tf.data's autotuner (`coursekit.keras_internals`). The memory of a GPU
    is taken as it is needed, its products are those of float32, not of TF32, and in IPython an error
    that tells that its memory is full says what to lower.

    Args:
        seed: any integer from 0 to 2**32 - 1; the same seed gives the same run.
        needs: the backend, "tensorflow" or "jax", that a notebook cannot do without; by default it runs on
            either. Keras then starts with it, and the line tells what Keras was set to instead.

    Raises:
        TypeError: seed is not an integer.
        ValueError: seed is out of range, ``needs`` or COURSEKIT_DIGITS is unknown, COURSEKIT_PROFILE is neither
            "quick" nor "full", Keras is set to a backend other than TensorFlow and JAX, or runs already on one
            that is not ``needs``.
        ImportError: that backend is not installed.
        DataError: COURSEKIT_DIGITS is "mnist", and MNIST is broken or cannot be had.
    """
    check_integer("seed", seed, at_least=0, at_most=2**32 - 1)
    if needs is not None:
        check_choice("needs", needs, BACKENDS)
    asked = chosen_backend()
    keras = quiet_keras(needs)
    held = let_memory_grow()
    keep_float32()
    explain_full_memory()
    seed, chosen = int(seed), profile()

    # registers the classes that saved models name
    from coursekit import __version__, data, generative, plotting, vision  # noqa: F401
    from coursekit.keras_internals import fit_without_autotuner

    fit_without_autotuner()
    needed = f", which this notebook needs, instead of {asked}," * (needs is not None and asked != needs)
    replaced = _course_settings(keras)
    keras.utils.set_random_seed(seed)
    plotting.use_style()
    run = Run(seed, chosen, device())
    source = data.digits_source()
    say(
        f"coursekit {__version__}, Python {platform.python_version()}, Keras {keras.version()} "
        f"with {keras.backend.backend()}{needed} on {run.device}{held}{replaced} · profile {run.profile} · seed {run.seed} · "
        f"digits: {source.name} ({source.reason})"
    )
    return run


def _course_settings(keras) -> str:
    """Set what the course relies on; in words, what was set otherwise."""
    replaced = ""
    for name, ours in (("image_data_format", "channels_last"), ("floatx", "float32")):
        theirs = getattr(keras.config, name)()
        if theirs != ours:
            getattr(keras.config, f"set_{name}")(ours)
            replaced += f", {name} {ours} instead of your Keras' {theirs}"
    return replaced

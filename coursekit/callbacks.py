"""Keras callbacks of the course."""

from collections.abc import Mapping, Sequence

import keras
import numpy as np

from coursekit.checks import check_integer
from coursekit.plotting import LiveFigure

__all__ = ["LiveCurves", "StopOnNaN"]


class LiveCurves(keras.callbacks.Callback):
    """Draws the training curves of `Model.fit` in one figure that grows; use with ``verbose=0``.

    Args:
        title, alt: of the picture; by default the model's name.
        every: seconds between two drawings.
        groups: what shares an axis, as in `LiveFigure`; by default the losses do, and all else does.
    """

    def __init__(
        self,
        title: str | None = None,
        *,
        alt: str | None = None,
        every: float = 2.0,
        groups: Mapping[str, Sequence[str]] | None = None,
    ):
        super().__init__()
        self.title, self.alt, self.every, self.groups = title, alt, every, groups
        self.figure: LiveFigure | None = None

    def on_train_begin(self, logs: dict | None = None) -> None:
        self.figure = None

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        if self.figure is None:
            self.figure = LiveFigure(
                self.params["epochs"],
                first_epoch=epoch,
                title=self.title or self.model.name,
                alt=self.alt,
                every=self.every,
                groups=self.groups,
            )
        self.epoch = epoch

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        steps = self.params.get("steps")
        if steps and batch + 1 < steps:
            self.figure.advance(self.epoch + (batch + 1) / steps)

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        self.figure(epoch, logs or {})

    def on_train_end(self, logs: dict | None = None) -> None:
        if self.figure:
            self.figure.finish()


class StopOnNaN(keras.callbacks.Callback):
    """Stops at the first loss that is NaN or infinite, says so in a line and brings good weights back.

    Weights, and the optimizer's memory with them, are kept when training begins and after every
    epoch, provided that all of them are finite. Works with any `keras.Model`; a loss is whatever it
    reports under a name that ends in "loss".

    Args:
        every: steps between two keepings within an epoch; None for none.

    Attributes:
        stopped_at: (epoch, step), counted from 1; None while nothing went wrong.

    Raises:
        TypeError, ValueError: every is not an integer of at least 1.
    """

    def __init__(self, every: int | None = None):
        super().__init__()
        if every is not None:
            check_integer("every", every, at_least=1)
        self.every = every
        self.stopped_at: tuple[int, int] | None = None

    def on_train_begin(self, logs: dict | None = None) -> None:
        self.stopped_at, self.kept, self.kept_when = None, [], "not"
        optimizer = getattr(self.model, "optimizer", None)
        if optimizer and not optimizer.built:
            optimizer.build(self.model.trainable_variables)
        self._keep("from before the training")

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        self.epoch = epoch + 1

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        bad = [
            f"{name} is {value}"
            for name, value in (logs or {}).items()
            if name.endswith("loss") and not np.isfinite(value)
        ]
        if bad:
            self.stopped_at = self.epoch, batch + 1
            self.model.stop_training = True  # before the values: on JAX `self.model` brings its variables up to date
            for variable, value in self.kept:
                variable.assign(value)
            print(
                f"StopOnNaN: {', '.join(bad)} at step {batch + 1} of epoch {self.epoch}; "
                f"training stopped, weights {self.kept_when} restored"
            )
        elif self.every and (batch + 1) % self.every == 0:
            self._keep(f"after step {batch + 1} of epoch {self.epoch}")

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        if self.stopped_at is None:
            self._keep(f"after epoch {self.epoch}")

    def _variables(self):
        optimizers = [part for part in vars(self.model).values() if isinstance(part, keras.optimizers.Optimizer)]
        return [*self.model.weights, *(variable for optimizer in optimizers for variable in optimizer.variables)]

    def _keep(self, when):
        pairs = [(variable, np.array(variable)) for variable in self._variables()]
        if all(np.isfinite(value).all() for _, value in pairs):
            self.kept, self.kept_when = pairs, when

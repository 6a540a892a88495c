"""Keras callbacks of the course."""

import keras

from coursekit.plotting import LiveFigure

__all__ = ["LiveCurves"]


class LiveCurves(keras.callbacks.Callback):
    """Draws the training curves of `Model.fit` in one figure that grows; use with ``verbose=0``.

    Args:
        title, alt: of the picture; by default the model's name.
        every: seconds between two drawings.
    """

    def __init__(self, title: str | None = None, *, alt: str | None = None, every: float = 2.0):
        super().__init__()
        self.title, self.alt, self.every = title, alt, every
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

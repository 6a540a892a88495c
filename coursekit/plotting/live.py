"""Live curves: one picture that grows while a model trains, with a progress bar.

In a notebook a single figure is updated in place and stays when training ends or is interrupted.
In a terminal the same calls draw a plain progress bar.
"""

import sys
import time
from collections.abc import Mapping, Sequence
from typing import TextIO

import numpy as np

from coursekit.environment import say
from coursekit.plotting.charts import training_curves
from coursekit.plotting.figure import panels

__all__ = ["LiveFigure"]


class LiveFigure:
    """Curves of named values over the epochs, redrawn at most once in ``every`` seconds.

    Works with `coursekit.scratch.fit` as it is: ``fit(..., on_epoch=LiveFigure(epochs))``;
    with Keras use `coursekit.callbacks.LiveCurves`.

    Args:
        epochs: how many there will be.
        first_epoch: how many were done before, when training resumes.
        title, alt: of the picture; its text never depends on the figures measured.
        every: seconds between two drawings, so that drawing costs little.
        groups: the label of a vertical axis and the names that share it, such as {"nats": ["V"]}, one panel
            for each; by default one panel for the losses, one for all else.
        stream: where a terminal's progress bar goes.

    Raises:
        ValueError: epochs below 1.
    """

    def __init__(
        self,
        epochs: int,
        *,
        first_epoch: int = 0,
        title: str = "training",
        alt: str | None = None,
        every: float = 2.0,
        groups: Mapping[str, Sequence[str]] | None = None,
        stream: TextIO | None = None,
    ):
        if epochs < 1:
            raise ValueError(f"epochs must be >= 1; got {epochs!r}")
        self.epochs, self.first_epoch, self.title, self.every = epochs, first_epoch, title, every
        self.groups = groups
        self.alt = alt or f"Live curves of {title}, by epoch."
        self.stream = stream or sys.stdout
        self.history: dict[str, list[float]] = {}
        self.progress = first_epoch / epochs
        self.started = self.drawn = time.monotonic()
        self._handle = None
        self._in_notebook = _in_notebook()
        self._show()

    def __call__(self, epoch: int, logs: dict[str, float]) -> None:
        """Record the values of an epoch (counted from 0) and redraw."""
        for name, value in logs.items():
            self.history.setdefault(name, []).append(float(value))
        self.advance(epoch + 1)

    def advance(self, epochs_done: float) -> None:
        """Move the progress bar: 2.5 is the middle of the third epoch."""
        self.progress = min(epochs_done / self.epochs, 1.0)
        if self.progress == 1 or time.monotonic() - self.drawn >= self.every:
            self._show()

    def finish(self) -> None:
        """Show the last state and end the line: training stopped, on time or early."""
        if not self._finished:
            self._show(last=True)

    def _show(self, last=False):
        self._finished = last or self.progress == 1
        self.drawn = time.monotonic()
        if not self._in_notebook:
            self._print_bar()
        elif self._handle is None:
            from IPython.display import display

            self._handle = display(self._figure(), display_id=True)
        else:
            self._handle.update(self._figure())

    def _figure(self):
        chosen = self.groups or {
            "loss": [name for name in self.history if "loss" in name],
            "": [name for name in self.history if "loss" not in name],
        }
        known = {
            label: {name: self.history[name] for name in names if name in self.history}
            for label, names in chosen.items()
        }
        if not self.groups:  # no panel stays empty
            known = {label: curves for label, curves in known.items() if curves} or {"": {}}
        width = 8.0 if len(known) == 1 else 5.0
        figure, axes = panels(1, len(known), alt=self.alt, size=(width, 3.2), squeeze=False)
        for ax, (label, curves) in zip(axes[0], known.items()):
            if curves:
                training_curves(curves, ax=ax, ylabel=label)
                for line in ax.lines:  # they count from 1
                    line.set_xdata(self.first_epoch + np.asarray(line.get_xdata()))
            ax.set_xlim(self.first_epoch + 0.5, self.epochs + 0.5)
        figure.suptitle(f"{self.title}   {self._bar(20)}", family="DejaVu Sans Mono", fontsize=12)
        return figure

    def _bar(self, width):
        full = round(width * self.progress)
        return f"{'█' * full}{'░' * (width - full)} {self.progress:4.0%}  {time.monotonic() - self.started:.0f} s"

    def _print_bar(self):
        last = "".join(f"  {name} {values[-1]:.4f}" for name, values in self.history.items())
        end = "\n" if self._finished else ""
        say(f"\r{self.title}  {self._bar(24)}{last}", end=end, file=self.stream)


def _in_notebook() -> bool:
    if "IPython" not in sys.modules:
        return False
    shell = sys.modules["IPython"].get_ipython()
    return shell is not None and "IPKernelApp" in shell.config

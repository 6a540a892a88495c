"""Lines, training curves, loss surfaces and confusion matrices."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from coursekit.plotting.figure import axes_for, style

__all__ = ["confusion_matrix", "curves", "loss_surface", "training_curves"]


@style()
def confusion_matrix(
    labels: np.ndarray,
    predictions: np.ndarray,
    *,
    classes: Sequence[str] | None = None,
    title: str | None = None,
    alt: str | None = None,
    ax: Axes | None = None,
) -> Figure:
    """How often a true class (row) was taken for another (column); the mistakes alone are coloured.

    Args:
        labels, predictions: class numbers 0 ... k - 1, each of shape (n,).
        classes: their k names; by default the numbers.

    Raises:
        ValueError: labels and predictions of different shapes or no class numbers, or one without a name.
    """
    labels, predictions = np.asarray(labels), np.asarray(predictions)
    if labels.shape != predictions.shape or labels.ndim != 1 or not len(labels):
        raise ValueError(
            f"labels and predictions must have one shape (n,), n > 0; got {labels.shape} and {predictions.shape}"
        )
    for name, numbers in (("labels", labels), ("predictions", predictions)):
        if numbers.dtype.kind not in "iu" or numbers.min() < 0:
            raise ValueError(f"{name} must be integers >= 0; got {numbers.dtype}, the smallest {numbers.min()}")
    largest = int(max(labels.max(), predictions.max()))
    classes = [str(number) for number in range(largest + 1)] if classes is None else classes
    if largest >= len(classes):
        raise ValueError(f"classes must name the {largest + 1} classes; got {len(classes)}")
    counts = np.zeros((len(classes), len(classes)), int)
    np.add.at(counts, (labels, predictions), 1)
    mistakes = counts * (1 - np.eye(len(classes), dtype=int))
    figure, ax = axes_for(ax, alt or "A confusion matrix: true classes by predicted classes.", title, size=(5.4, 4.8))
    ax.imshow(mistakes, cmap="Oranges", vmin=0, vmax=max(mistakes.max(), 1))
    for (row, column), count in np.ndenumerate(counts):
        if count:
            dark = mistakes[row, column] > 0.6 * mistakes.max()
            ax.text(column, row, count, ha="center", va="center", fontsize=10, color="white" if dark else "black")
    ax.set(xlabel="predicted class", ylabel="true class")
    ax.set_xticks(range(len(classes)), classes)
    ax.set_yticks(range(len(classes)), classes)
    ax.grid(False)
    return figure


@style()
def curves(
    x: np.ndarray,
    lines: Mapping[str, np.ndarray],
    *,
    xlabel: str,
    ylabel: str = "",
    title: str | None = None,
    alt: str | None = None,
    ax: Axes | None = None,
    marker: str = "",
    log: str = "",
) -> Figure:
    """One labelled line per entry of ``lines`` over ``x``.

    Args:
        x: shape (points,).
        lines: label -> values (points,), or (runs, points) for the mean with a band of +- one
            standard deviation.
        marker: a matplotlib marker for the measured points.
        log: the logarithmic axes: "", "x", "y" or "xy".
        ax, title, alt: where to draw, its title, and the picture in words.

    Raises:
        ValueError: a line is not as long as x, or log names something else.
    """
    if log not in ("", "x", "y", "xy"):
        raise ValueError(f"log must be '', 'x', 'y' or 'xy'; got {log!r}")
    lines = {label: np.asarray(values) for label, values in lines.items()}
    for label, values in lines.items():
        if values.ndim not in (1, 2) or values.shape[-1] != len(x):
            raise ValueError(f"lines[{label!r}] must have {len(x)} points like x; got {values.shape}")
    alt = alt or f"Curves of {', '.join(lines)} against {xlabel}."
    figure, ax = axes_for(ax, alt, title)
    for (label, values), dash in zip(lines.items(), ["-", "--", "-.", ":"] * len(lines)):
        mean = values.mean(axis=0) if values.ndim == 2 else values
        (line,) = ax.plot(x, mean, dash, marker=marker, label=label)
        if values.ndim == 2:
            spread = values.std(axis=0)
            ax.fill_between(x, mean - spread, mean + spread, color=line.get_color(), alpha=0.2, lw=0)
    if "x" in log:
        ax.set_xscale("log")
    if "y" in log:
        ax.set_yscale("log")
    ax.set(xlabel=xlabel, ylabel=ylabel)
    ax.legend()
    return figure


def training_curves(
    histories: Mapping[str, Sequence[float]],
    *,
    ylabel: str = "loss",
    title: str | None = None,
    alt: str | None = None,
    ax: Axes | None = None,
    log: str = "",
) -> Figure:
    """Curves over the epochs 1, 2, ...: one list of values per label, as in ``History.history``.

    Raises:
        ValueError: no values at all.
    """
    if not any(len(values) for values in histories.values()):
        raise ValueError(f"histories must hold at least one value; got {dict(histories)!r}")
    epochs = np.arange(1, 1 + max(len(values) for values in histories.values()))
    padded = {
        label: np.pad(np.asarray(values, float), (0, len(epochs) - len(values)), constant_values=np.nan)
        for label, values in histories.items()
    }
    alt = alt or f"Training curves of {', '.join(histories)}: {ylabel} by epoch."
    figure, ax = axes_for(ax, alt, title)
    curves(epochs, padded, xlabel="epoch", ylabel=ylabel, ax=ax, log=log)
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    return figure


@style()
def loss_surface(
    function: Callable[[np.ndarray, np.ndarray], np.ndarray],
    x_range: tuple[float, float],
    y_range: tuple[float, float],
    paths: Mapping[str, np.ndarray] | None = None,
    *,
    xlabel: str = "$\\theta_1$",
    ylabel: str = "$\\theta_2$",
    title: str | None = None,
    alt: str | None = None,
    ax: Axes | None = None,
    levels: int | Sequence[float] = 20,
) -> Figure:
    """Contours of a loss of two parameters, with the paths that optimizers took across it.

    Args:
        function: takes two grids of one shape and returns the loss on it.
        x_range, y_range: the window, (low, high).
        paths: label -> points of shape (steps, 2), drawn from a ring to a disc.
        levels: how many contours, or their values.

    Raises:
        ValueError: a path of another shape.
    """
    paths = {label: np.asarray(path) for label, path in (paths or {}).items()}
    for label, path in paths.items():
        if path.ndim != 2 or path.shape[1] != 2 or not len(path):
            raise ValueError(f"paths[{label!r}] must have the shape (steps, 2), steps > 0; got {path.shape}")
    words = f", with the paths of {', '.join(paths)}" if paths else ""
    figure, ax = axes_for(ax, alt or f"Contours of the loss over {xlabel} and {ylabel}{words}.", title)
    grid = np.meshgrid(np.linspace(*x_range, 201), np.linspace(*y_range, 201))
    heights = function(*grid)
    ax.contourf(*grid, heights, levels=levels, cmap="Blues", alpha=0.7)
    ax.contour(*grid, heights, levels=levels, colors="white", linewidths=0.8)
    for label, path in paths.items():
        (line,) = ax.plot(*path.T, ".-", lw=1.4, ms=4, label=label)
        ax.plot(*path[0], "o", ms=9, mfc="none", color=line.get_color())
        ax.plot(*path[-1], "o", ms=9, color=line.get_color())
    ax.set(xlabel=xlabel, ylabel=ylabel, xlim=x_range, ylim=y_range)
    if paths:
        ax.legend()
    return figure

"""Pictures of data and of networks."""

from collections.abc import Callable, Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, to_rgba
from matplotlib.figure import Figure
from matplotlib.patches import Polygon

from coursekit.checks import check_integer
from coursekit.plotting.figure import COLOURS, CourseFigure, axes_for, style

# From the colour of class 0 over white to that of class 1.
REGIONS = LinearSegmentedColormap.from_list("regions", ["#7FB8DB", "#FFFFFF", "#EAAE7F"])

__all__ = ["architecture", "decision_regions", "image_grid", "network"]


@style()
def architecture(
    volumes: Mapping[str, Sequence[int]], *, title: str | None = None, alt: str | None = None, ax: Axes | None = None
) -> Figure:
    """A network as LeCun et al. 1998, figure 2 drew it: a block of feature maps per layer.

    The side of a block grows with the square root of the height of its maps, its depth with the
    logarithm of their number.

    Args:
        volumes: label -> shape (height, width, channels), or (units,) for a dense layer, input first;
            of a Keras model: ``{layer.name: layer.output.shape[1:] for layer in model.layers}``.

    Raises:
        ValueError: fewer than two volumes, or a shape of another length.
    """
    if len(volumes) < 2:
        raise ValueError(f"volumes must hold an input and at least one layer; got {len(volumes)}")
    for label, shape in volumes.items():
        if len(shape) not in (1, 3) or min(shape) < 1:
            raise ValueError(f"volumes[{label!r}] must be (height, width, channels) or (units,); got {tuple(shape)}")
    figure, ax = axes_for(
        ax, alt or f"A network drawn as blocks: {', '.join(volumes)}.", title, size=(1.3 * len(volumes) + 1, 3.8)
    )
    largest = max((max(shape[:2]) for shape in volumes.values() if len(shape) == 3), default=1)
    x = 0.0
    for number, (label, shape) in enumerate(volumes.items()):
        colour = COLOURS[[0, 2, 1][(number > 0) + (number == len(volumes) - 1)]]
        if len(shape) == 3:
            height = 3 * np.sqrt(shape[0] / largest)
            depth, slope = 0.12 + 0.16 * np.log2(shape[2]), 0.35 * 3 * np.sqrt(shape[1] / largest)
            size = f"{shape[0]}×{shape[1]}×{shape[2]}"
        else:
            height, depth, slope, size = 0.5 + 0.25 * np.log2(shape[0]), 0.14, 0.0, f"{shape[0]}"
        bottom = -height / 2
        faces = [  # front, top and side of a box seen from the left
            [(x, bottom), (x + depth, bottom), (x + depth, -bottom), (x, -bottom)],
            [
                (x, -bottom),
                (x + depth, -bottom),
                (x + depth + slope, -bottom + slope / 2),
                (x + slope, -bottom + slope / 2),
            ],
            [
                (x + depth, bottom),
                (x + depth + slope, bottom + slope / 2),
                (x + depth + slope, -bottom + slope / 2),
                (x + depth, -bottom),
            ],
        ]
        for face, alpha in zip(faces, (0.85, 0.55, 0.7)):
            ax.add_patch(Polygon(face, facecolor=to_rgba(colour, alpha), edgecolor="white", lw=0.8))
        middle = x + (depth + slope) / 2
        ax.text(middle, -2.0, label, ha="center", va="top", fontsize=12, fontweight="bold")
        ax.text(middle, -2.38, size, ha="center", va="top", fontsize=12)
        x += max(depth + slope, 0.9) + 0.45
    ax.set(xlim=(-0.4, x), ylim=(-2.8, 2.3), aspect="equal")
    ax.set_axis_off()
    return figure


@style()
def decision_regions(
    predict: Callable[[np.ndarray], np.ndarray],
    x: np.ndarray,
    y: np.ndarray,
    *,
    xlabel: str = "$x_1$",
    ylabel: str = "$x_2$",
    title: str | None = None,
    alt: str | None = None,
    ax: Axes | None = None,
) -> Figure:
    """Two classes of points in the plane over the probability that a model gives to class 1.

    Args:
        predict: (points, 2) -> probability of class 1, (points,) or (points, 1).
        x, y: the points (n, 2) and their classes 0 or 1 (n,).

    Raises:
        ValueError: x is not of shape (n, 2), y does not hold n classes 0 or 1, or predict does not
            return a number a point.
    """
    x, y = np.asarray(x), np.asarray(y).ravel()
    if x.ndim != 2 or x.shape[1] != 2 or not len(x):
        raise ValueError(f"x must have the shape (n, 2), n > 0; got {x.shape}")
    if len(y) != len(x) or not np.isin(y, (0, 1)).all():
        raise ValueError(f"y must hold a class 0 or 1 for each of {len(x)} points; got {y!r}")
    margin = 0.12 * np.ptp(x, axis=0)
    low, high = x.min(axis=0) - margin, x.max(axis=0) + margin
    grid = np.meshgrid(np.linspace(low[0], high[0], 161), np.linspace(low[1], high[1], 161))
    points = np.stack([axis.ravel() for axis in grid], axis=1)
    probability = np.asarray(predict(points))
    if probability.size != len(points):
        raise ValueError(
            f"predict must return a probability a point; got the shape {probability.shape} for {len(points)} points"
        )
    probability = probability.reshape(grid[0].shape)
    figure, ax = axes_for(ax, alt or "Two classes of points over a model's decision regions.", title)
    ax.contourf(*grid, probability, levels=np.linspace(0, 1, 11), cmap=REGIONS)
    if probability.min() < 0.5 < probability.max():
        ax.contour(*grid, probability, levels=[0.5], colors="black", linewidths=1.6)
    for label, marker, colour in ((0, "o", COLOURS[0]), (1, "^", COLOURS[1])):
        chosen = x[y == label]
        ax.scatter(
            *chosen.T, s=34, marker=marker, color=colour, edgecolor="white", lw=0.7, label=f"class {label}", zorder=3
        )
    ax.set(xlabel=xlabel, ylabel=ylabel, xlim=(low[0], high[0]), ylim=(low[1], high[1]))
    ax.grid(False)
    ax.legend(loc="upper right", frameon=True, framealpha=0.9)
    return figure


@style()
def image_grid(
    images: np.ndarray,
    captions: Sequence[str] | None = None,
    *,
    columns: int = 10,
    size: float = 1.0,
    title: str | None = None,
    alt: str | None = None,
    value_range: tuple[float, float] | None = (0.0, 1.0),
    cmap: str = "gray_r",
) -> CourseFigure:
    """Images in rows of ``columns``, each with its caption.

    Args:
        images: (n, height, width), (n, height, width, 1) or (n, height, width, 3).
        captions: one short text an image.
        size: width of an image in inches.
        value_range: the values drawn as the two ends of the colour map; None for each image's own.

    Raises:
        ValueError: images of another shape, not one caption an image, or columns below 1.
    """
    images = np.asarray(images)
    if images.ndim == 4 and images.shape[-1] == 1:
        images = images[..., 0]
    if len(images) == 0 or not (images.ndim == 3 or (images.ndim == 4 and images.shape[-1] == 3)):
        raise ValueError(f"images must have the shape (n, height, width[, 1 or 3]), n > 0; got {images.shape}")
    if columns < 1:
        raise ValueError(f"columns must be >= 1; got {columns!r}")
    if captions is not None and len(captions) != len(images):
        raise ValueError(f"captions must hold one text for each of {len(images)} images; got {len(captions)}")
    columns = min(columns, len(images))
    rows = -(-len(images) // columns)
    caption_height = 0.28 if captions is not None else 0.06
    title_height = 0.4 if title else 0
    figure = plt.figure(
        FigureClass=CourseFigure,
        layout="constrained",
        figsize=(size * columns, (size + caption_height) * rows + title_height),
    )
    figure.get_layout_engine().set(w_pad=0.02, h_pad=0.02, wspace=0.02, hspace=0.02)
    figure.alt = alt or f"{len(images)} images in a grid."
    if title:
        figure.suptitle(title)
    low, high = value_range or (None, None)
    for index, image in enumerate(images):
        ax = figure.add_subplot(rows, columns, index + 1)
        ax.imshow(image, cmap=cmap, vmin=low, vmax=high)
        ax.set_axis_off()
        if captions is not None:
            ax.set_title(captions[index], fontsize=10, fontweight="normal", pad=2)
    return figure


@style()
def network(
    layers: Sequence[int],
    *,
    names: Sequence[str] | None = None,
    dropped: Sequence[Sequence[int]] | None = None,
    most: int = 8,
    title: str | None = None,
    alt: str | None = None,
    ax: Axes | None = None,
) -> Figure:
    """A drawn network: a column of neurons per layer and a line per weight.

    Args:
        layers: neurons per layer, input first; a layer of more than ``most`` is drawn with a gap.
        names: a text under each layer; by default its number of neurons.
        dropped: per layer, the neurons crossed out as dropout does, with all their weights; none in a layer
            that is drawn with a gap.
        most: neurons drawn of a layer, >= 3.

    Raises:
        TypeError, ValueError: fewer than two layers, an empty layer, names or dropped of another length, a dropped
            neuron that is not drawn, or ``most`` out of range.
    """
    for name, value in (("names", names), ("dropped", dropped)):
        if value is not None and len(value) != len(layers):
            raise ValueError(f"{name} must hold one entry for each of {len(layers)} layers; got {len(value)}")
    if len(layers) < 2 or min(layers) < 1:
        raise ValueError(f"layers must hold at least an input and an output size, each >= 1; got {layers!r}")
    check_integer("most", most, at_least=3)
    for size, neurons in zip(layers, dropped or ()):
        if not set(neurons) <= set(range(size if size <= most else 0)):
            raise ValueError(
                f"dropped must hold neurons 0 ... size - 1 of layers of at most {most}; got {list(neurons)} "
                f"for a layer of {size}"
            )
    figure, ax = axes_for(ax, alt or f"A network with layers of {', '.join(map(str, layers))} neurons.", title)
    dropped = [set(neurons) for neurons in (dropped or [()] * len(layers))]
    positions = [_column(size, most) for size in layers]
    top = max(column[0] for column in positions)
    for k in range(1, len(layers)):
        for i, y_from in enumerate(positions[k - 1]):
            for j, y_to in enumerate(positions[k]):
                if i not in dropped[k - 1] and j not in dropped[k]:
                    ax.plot([k - 1, k], [y_from, y_to], color="#BBBBBB", lw=0.7, zorder=1)
    for k, column in enumerate(positions):
        out = np.isin(np.arange(len(column)), list(dropped[k]))
        ax.scatter(
            np.full(len(column), k),
            column,
            s=240,
            zorder=2,
            lw=1.6,
            color=np.where(out, "white", COLOURS[[0, 2, 1][(k > 0) + (k == len(layers) - 1)]]),
            edgecolor=np.where(out, "#888888", "white"),
        )
        ax.scatter(np.full(out.sum(), k), column[out], s=110, marker="x", color="#888888", zorder=3)
        if layers[k] > most:
            ax.text(k, 0, "⋮", ha="center", va="center", fontsize=20)
        ax.text(k, -top - 0.6, names[k] if names else f"{layers[k]}", ha="center", va="top")
    ax.set(xlim=(-0.4, len(layers) - 0.6), ylim=(-top - 1.4, top + 0.6))
    ax.set_axis_off()
    return figure


def _column(size, most):
    """Heights of the drawn neurons of a layer, with room for a gap if it is too tall."""
    if size <= most:
        return (size - 1) / 2 - np.arange(size)
    half = (most - 1) // 2
    top = (most - 1) / 2 - np.arange(half)
    return np.concatenate([top, -top[::-1]])

"""Computations drawn as boxes and arrows."""

from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch

from coursekit.plotting.figure import axes_for, style

__all__ = ["block_diagram"]

UNIT = (1.6, 0.85)  # inches of a step in x and in y: a box and the arrow after it
INK = "#444444"


@style()
def block_diagram(
    boxes: Mapping[str, Sequence],
    arrows: Sequence[Sequence],
    *,
    title: str | None = None,
    alt: str | None = None,
    ax: Axes | None = None,
) -> Figure:
    """Boxes and the arrows between them: a block of a network, or networks that work together.

    >>> block_diagram({"a": ("$a$", (0, 0), "white"), "conv": ("Conv", (1, 0)), "add": ("+", (2, 0))},
    ...               [("a", "conv"), ("conv", "add"), ("a", "add", "shortcut", 0.4)])

    Args:
        boxes: name -> (text, (x, y)) or (text, (x, y), colour). Neighbours are 1 apart, x to the right
            and y upwards; a box is as large as its text, and a circle around a single sign such as "+".
            The colour is any of matplotlib's, "C0" by default, "white" for what is no computation.
        arrows: (from, to), (from, to, label) or (from, to, label, bend), where from and to are names
            of boxes. The bend is the height of the arc in lengths of the arrow, to the left of its
            direction, or to the right if negative.
        ax: a panel about as large as the drawing, at 1.6 x 0.85 inches a step; text keeps its size.

    Raises:
        ValueError: no box at all, a box or an arrow of another form, or an arrow from or to a box
            that does not exist.
    """
    boxes, arrows = _checked_boxes(boxes), _checked_arrows(arrows, boxes)
    words = alt or f"A diagram of {len(boxes)} boxes: {', '.join(text for text, *_ in boxes.values())}."
    (left, right), (bottom, top) = _limits(boxes, arrows)
    figure, ax = axes_for(
        ax,
        " ".join(words.split()),
        title,
        size=(UNIT[0] * (right - left), UNIT[1] * (top - bottom) + 0.35 * bool(title)),
    )
    ax.set(xlim=(left, right), ylim=(bottom, top), aspect=UNIT[1] / UNIT[0])
    ax.set_axis_off()
    drawn = {}
    for name, (text, place, colour) in boxes.items():
        shape = "circle,pad=0.25" if len(text) == 1 and not text.isalnum() else "round,pad=0.45,rounding_size=0.25"
        tint = [1 - 0.2 * (1 - part) for part in to_rgb(colour)]
        edge = INK if to_rgb(colour) == (1, 1, 1) else colour
        drawn[name] = ax.text(
            *place,
            text,
            ha="center",
            va="center",
            zorder=3,
            bbox={"boxstyle": shape, "facecolor": tint, "edgecolor": edge, "linewidth": 1.6},
        )
    for start, end, label, bend in arrows:
        arrow = ax.add_patch(
            FancyArrowPatch(
                boxes[start][1],
                boxes[end][1],
                patchA=drawn[start].get_bbox_patch(),
                patchB=drawn[end].get_bbox_patch(),
                shrinkA=1,
                shrinkB=1,
                connectionstyle=f"arc3,rad={-2 * bend}",
                arrowstyle="-|>",
                mutation_scale=13,
                color=INK,
                linewidth=1.6,
                fill=True,
                zorder=4,
            )
        )  # after the boxes, whose borders it looks up
        if label:
            _write_on(ax, arrow, label, boxes[start][1], boxes[end][1], bend)
    return figure


def _write_on(ax, arrow, label, start, end, bend):
    """A label above or below a level arrow, beside an upright one, in the middle of any other."""
    level, upright = start[1] == end[1], start[0] == end[0]
    side = (1 if bend >= 0 else -1) * (1 if end[0] > start[0] or end[1] < start[1] else -1)  # +1: up, or right
    if not bend:
        side = 1
    place, shift, across, along = (0.5, 0.5), (0, 0), "center", "center"
    if level:
        place, shift, along = (0.5, (1 + side) / 2), (0, 3 * side), "bottom" if side > 0 else "top"
    elif upright:
        place, shift, across = ((1 + side) / 2, 0.5), (4 * side, 0), "left" if side > 0 else "right"
    ax.annotate(
        label,
        place,
        xycoords=arrow,
        xytext=shift,
        textcoords="offset points",
        ha=across,
        va=along,
        fontsize=11,
        zorder=5,
        bbox={"boxstyle": "square,pad=0.1", "facecolor": "white", "edgecolor": "none"}
        if not (level or upright)
        else None,
    )


def _limits(boxes, arrows):
    """The window in steps of x and y: half a step around the boxes, and room for the arcs."""
    xs, ys = zip(*[place for _, place, _ in boxes.values()])
    xs, ys = list(xs), list(ys)
    for start, end, _, bend in arrows:
        (x0, y0), (x1, y1) = boxes[start][1], boxes[end][1]
        across, up = (x1 - x0) * UNIT[0], (y1 - y0) * UNIT[1]  # inches
        xs.append((x0 + x1) / 2 - bend * up / UNIT[0])
        ys.append((y0 + y1) / 2 + bend * across / UNIT[1])
    return (min(xs) - 0.5, max(xs) + 0.5), (min(ys) - 0.5, max(ys) + 0.5)


def _checked_boxes(boxes):
    """name -> (text, (x, y), colour)."""
    if not boxes:
        raise ValueError("boxes must hold at least one box; got none")
    checked = {}
    for name, box in boxes.items():
        try:
            text, (x, y), *colour = box
            [colour] = colour or ["C0"]
            checked[name] = text + "", (float(x), float(y)), colour
            to_rgb(colour)
        except (TypeError, ValueError):
            raise ValueError(f"boxes[{name!r}] must be (text, (x, y)) or (text, (x, y), colour); got {box!r}") from None
    return checked


def _checked_arrows(arrows, boxes):
    """(from, to, label, bend) of each."""
    checked = []
    for number, arrow in enumerate(arrows):
        if isinstance(arrow, str) or not 2 <= len(arrow) <= 4:
            raise ValueError(
                f"arrows[{number}] must be (from, to), (from, to, label) or (from, to, label, bend); got {arrow!r}"
            )
        for name in arrow[:2]:
            if name not in boxes:
                raise ValueError(f"arrows[{number}] must join two of the boxes {', '.join(boxes)}; got {name!r}")
        label, bend = arrow[2] if len(arrow) > 2 else "", arrow[3] if len(arrow) > 3 else 0
        checked.append((arrow[0], arrow[1], label, bend))
    return checked

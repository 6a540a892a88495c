"""The course's figure: one style, sharp pictures, and a text for those who cannot see them."""

import base64
import io
import sys
import textwrap
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Text
from PIL import Image

__all__ = ["CourseFigure", "animation", "axes_for", "panels", "use_style"]

STYLE = Path(__file__).with_name("course.mplstyle")
PANEL = (5.4, 3.8)  # inches
PIXELS_PER_INCH = 96  # of a page; the picture holds twice as many, for sharp screens and projectors
COLOURS = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000"]


def use_style() -> None:
    """Draw everything that follows in the course's style, and in a notebook at full resolution."""
    _wake_backend()
    plt.style.use(STYLE)
    if "IPython" in sys.modules and (shell := sys.modules["IPython"].get_ipython()):
        # matplotlib's formatter would draw every Figure anew, with half as many pixels an inch
        shell.display_formatter.formatters["image/png"].for_type(CourseFigure, _draws_itself)


@contextmanager
def style():
    """The course's style inside a ``with`` block or a decorated function."""
    _wake_backend()
    with plt.style.context(STYLE):
        yield


@cache
def _wake_backend():
    """Load the drawing backend before a style block, which would undo the settings it makes."""
    plt.switch_backend(matplotlib.get_backend())


class CourseFigure(Figure):
    """A matplotlib Figure that carries an alternative text into the notebook, page and deck."""

    alt = "Figure"

    def _repr_mimebundle_(self, include=None, exclude=None):
        buffer = io.BytesIO()
        self.savefig(buffer, format="png", dpi=2 * PIXELS_PER_INCH)
        plt.close(self)  # shown once, whether the cell ends with it or not
        width = round(self.get_figwidth() * PIXELS_PER_INCH)
        return _picture(_with_palette(buffer), self.alt, width, self.smallest_text())

    def smallest_text(self) -> float | None:
        """The size in points of the smallest text that was drawn, sub- and superscripts left out; None without text."""
        unseen = {
            text for ax in self.axes if not ax.axison for axis in (ax.xaxis, ax.yaxis) for text in axis.findobj(Text)
        }
        texts = [text for text in self.findobj(Text) if text.get_visible() and text.get_text().strip()]
        return min((float(text.get_fontsize()) for text in texts if text not in unseen), default=None)


def _draws_itself(figure: CourseFigure) -> None:
    """What IPython asks for the PNG of a figure: nothing, so that it keeps the figure's own."""


def _with_palette(buffer: io.BytesIO) -> bytes:
    """The PNG with at most 256 colours, which keeps notebooks small."""
    smaller = io.BytesIO()
    with Image.open(buffer) as picture:
        picture.convert("RGB").quantize(256, dither=Image.Dither.NONE).save(smaller, "png")
    return smaller.getvalue()


class _Animation:
    """An animated PNG: it moves in a browser; where nothing moves, its last frame stands."""

    def __init__(self, png: bytes, alt: str, width: int, points: float | None):
        self.png, self.alt, self.width, self.points = png, alt, width, points

    def _repr_mimebundle_(self, include=None, exclude=None):
        return _picture(self.png, self.alt, self.width, self.points)


def _picture(png: bytes, alt: str, width: int, points: float | None):
    data = {"image/png": base64.b64encode(png).decode(), "text/plain": textwrap.fill(alt, 100)}
    return data, {"image/png": {"alt": alt, "width": width, "points": points}}


def panels(
    rows: int = 1, columns: int = 1, *, alt: str = "Figure", size: tuple[float, float] | None = None, **options: Any
) -> tuple[CourseFigure, Axes | np.ndarray]:
    """A figure of rows x columns panels for the ``ax=`` of the other functions.

    Args:
        alt: what the picture shows, in a sentence; no measured figures, they differ between machines.
            It can also be set at the end: ``figure.alt = "..."``.
        size: of one panel, width and height in inches.
        options: for `matplotlib.pyplot.subplots`, such as ``sharey=True``.

    Returns:
        The figure, and its one Axes or an array of them as `matplotlib.pyplot.subplots` gives it.
    """
    width, height = size or PANEL
    with style():
        figure, axes = plt.subplots(
            rows, columns, FigureClass=CourseFigure, figsize=(width * columns, height * rows), **options
        )
    figure.alt = alt
    return figure, axes


def axes_for(
    ax: Axes | None, alt: str, title: str | None, size: tuple[float, float] | None = None
) -> tuple[Figure, Axes]:
    """The Axes to draw into: the given one, or that of a new figure."""
    if ax is None:
        figure, ax = panels(alt=alt, size=size)
    if title:
        ax.set_title(title)
    return ax.figure, ax


def animation(figures: list[CourseFigure], *, alt: str, seconds_per_frame: float = 0.5) -> _Animation:
    """Figures of one size as an animated picture; the last one is its static twin.

    Readers, printers and slides that cannot move show the last figure.

    Raises:
        ValueError: fewer than two figures.
    """
    if len(figures) < 2:
        raise ValueError(f"figures must hold at least 2 frames; got {len(figures)}")
    frames = []
    for figure in figures:
        buffer = io.BytesIO()
        figure.savefig(buffer, format="png", dpi=PIXELS_PER_INCH)
        plt.close(figure)
        frames.append(Image.open(buffer))
    buffer = io.BytesIO()
    frames[-1].save(
        buffer,
        format="PNG",
        save_all=True,
        default_image=True,
        append_images=frames,
        duration=round(1000 * seconds_per_frame),
        loop=0,
    )
    figure = figures[-1]
    width = round(figure.get_figwidth() * PIXELS_PER_INCH)
    return _Animation(buffer.getvalue(), alt, width, figure.smallest_text())

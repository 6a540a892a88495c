"""Diagrams: every box and arrow is drawn, an arrow reaches from border to border, and mistakes are named."""

import io

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import to_rgb
from matplotlib.patches import FancyArrowPatch
from PIL import Image

from coursekit import plotting

matplotlib.use("Agg")

BOXES = {"a": ("$a^{[l]}$", (0, 0), "white"), "conv": ("Conv 3×3", (1, 0)), "add": ("+", (2, 0), "C1")}
ARROWS = [("a", "conv"), ("conv", "add", "$z$"), ("a", "add", "shortcut", 0.3)]


@pytest.fixture(autouse=True)
def closed_figures():
    yield
    plt.close("all")


def drawn(boxes=BOXES, arrows=ARROWS, ax=None):
    """The Axes of a diagram, after drawing: where its texts and arrows ended up."""
    figure = plotting.block_diagram(boxes, arrows, ax=ax)
    figure.canvas.draw()
    return figure.axes[0]


def arrows_of(ax):
    return [patch for patch in ax.patches if isinstance(patch, FancyArrowPatch)]


def extent(arrow):
    """The two corners around an arrow, on the screen."""
    return arrow.get_path().get_extents(arrow.get_transform()).get_points()


def test_a_figure_with_title_and_words():
    figure = plotting.block_diagram(BOXES, ARROWS, title="A title", alt="A block in words.")
    assert figure.axes[0].get_title() == "A title"
    data, metadata = figure._repr_mimebundle_()
    assert data["text/plain"] == metadata["image/png"]["alt"] == "A block in words."


def test_words_when_none_are_given():
    assert plotting.block_diagram({"a": ("two\nlines", (0, 0)), "b": ("one", (1, 0))}, []).alt == (
        "A diagram of 2 boxes: two lines, one."
    )


def test_draws_into_the_given_ax():
    figure, (left, right) = plotting.panels(1, 2, alt="Two panels.")
    assert plotting.block_diagram(BOXES, ARROWS, ax=right, title="here") is figure
    assert right.get_title() == "here" and right.texts and not left.texts
    assert figure.alt == "Two panels."


def test_every_box_is_written_where_it_was_put():
    texts = [text for text in drawn().texts if text.get_text() in {text for text, *_ in BOXES.values()}]
    assert [(text.get_text(), text.get_position()) for text in texts] == [box[:2] for box in BOXES.values()]


def test_colours_and_shapes_of_boxes():
    a, conv, add = (text.get_bbox_patch() for text in drawn().texts[:3])
    assert to_rgb(a.get_facecolor()) == (1, 1, 1)
    blue, orange = (plt.matplotlib.colors.to_rgb(colour) for colour in ("#0072B2", "#D55E00"))
    assert to_rgb(conv.get_edgecolor()) == blue and to_rgb(add.get_edgecolor()) == orange
    assert all(tint > strong for tint, strong in zip(to_rgb(conv.get_facecolor()), blue))
    assert type(add.get_boxstyle()).__name__ == "Circle" and type(conv.get_boxstyle()).__name__ == "Round"
    letter = drawn({"G": ("G", (0, 0))}, []).texts[0].get_bbox_patch()
    assert type(letter.get_boxstyle()).__name__ == "Round"


@pytest.mark.parametrize("size", [None, (7, 4), (4, 6)])
def test_an_arrow_reaches_from_border_to_border(size):
    ax = drawn(ax=size and plotting.panels(size=size)[1])
    a, conv = (text.get_bbox_patch().get_window_extent() for text in ax.texts[:2])
    start, end = extent(arrows_of(ax)[0])[:, 0]
    assert a.x1 - 1 < start < a.x1 + 5 and conv.x0 - 5 < end < conv.x0 + 1


def test_arrowheads_stand_before_their_box_however_the_picture_is_cropped():
    """A tight crop moves everything while it draws; an arrow must not look up where a box used to be."""
    figure = plotting.block_diagram(
        {"a": ("a", (0, 0), "white"), "b": ("b", (2, 0)), "c": ("c", (1, 1.3), "white")}, [("a", "b"), ("a", "c")]
    )
    for options in ({}, {"bbox_inches": "tight", "pad_inches": 0.3}):
        picture = io.BytesIO()
        figure.savefig(picture, dpi=192, **options)
        pixels = np.asarray(Image.open(picture).convert("RGB"), int)
        border = np.abs(pixels - np.array([0x00, 0x72, 0xB2])).sum(axis=-1) < 30
        left = np.flatnonzero(border.any(axis=0))[0]  # of the one blue box
        dark = pixels.sum(axis=-1) < 3 * 100
        assert dark[:, left - 16 : left - 6].sum(axis=0).max() > 8  # a head there, not a line


@pytest.mark.parametrize(
    "end, bend, side",
    [
        ((2, 0), 0.3, "up"),
        ((2, 0), -0.3, "down"),
        ((-2, 0), 0.3, "down"),
        ((0, -2), 0.3, "right"),
        ((0, 2), 0.3, "left"),
    ],
)
def test_an_arc_bends_to_the_left_of_its_direction_and_its_label_lies_outside(end, bend, side):
    ax = drawn({"a": ("a", (0, 0)), "b": ("b", end)}, [("a", "b", "label", bend)])
    corners, label = extent(arrows_of(ax)[0]), ax.texts[-1].get_window_extent()
    a, b = (text.get_window_extent() for text in ax.texts[:2])
    axis, sign = {"up": (1, 1), "down": (1, -1), "right": (0, 1), "left": (0, -1)}[side]
    reach = sign * corners[:, axis]
    middle = sign * (a.get_points()[:, axis].mean() + b.get_points()[:, axis].mean()) / 2
    length = np.hypot(*(b.get_points().mean(axis=0) - a.get_points().mean(axis=0)))
    assert reach.max() - middle > 0.2 * length
    assert (sign * label.get_points()[:, axis]).min() >= reach.max() - 1


@pytest.mark.parametrize("size", [None, (6, 2), (4, 4)])
def test_nothing_lies_outside_the_picture(size):
    for bend in (0.4, -0.4):
        ax = drawn(arrows=[("a", "add", "shortcut", bend)], ax=size and plotting.panels(size=size)[1])
        low, high = ax.figure.bbox.get_points()
        for artist in (*ax.texts, *arrows_of(ax)):
            extent = artist.get_window_extent()
            assert (extent.min >= low).all() and (extent.max <= high).all()


@pytest.mark.parametrize("label, end", [("level", (1, 0)), ("upright", (0, 1)), ("slanted", (1, 1)), ("", (1, 0))])
def test_labels_of_straight_arrows(label, end):
    ax = drawn({"a": ("a", (0, 0)), "b": ("b", end)}, [("a", "b", label)])
    assert [text.get_text() for text in ax.texts[2:]] == [label] * bool(label)


@pytest.mark.parametrize(
    "boxes, arrows, message",
    [
        ({}, [], "boxes must hold at least one box; got none"),
        ({"a": ("text", 3)}, [], r"boxes\['a'\] must be \(text, \(x, y\)\).*got \('text', 3\)"),
        ({"a": "text"}, [], r"boxes\['a'\]"),
        ({"a": (1, (0, 0))}, [], r"boxes\['a'\]"),
        ({"a": ("a", (0, 0), "C0", "more")}, [], r"boxes\['a'\]"),
        ({"a": ("a", (0, 0), "no colour")}, [], r"boxes\['a'\]"),
        (BOXES, [("a", "conv"), ("conv", "relu")], r"arrows\[1\] must join two of the boxes a, conv, add; got 'relu'"),
        (BOXES, [("a",)], r"arrows\[0\] must be \(from, to\)"),
        (BOXES, ["ab"], r"arrows\[0\] must be \(from, to\)"),
        (BOXES, [("a", "conv", "", 0.1, "more")], r"arrows\[0\] must be"),
    ],
)
def test_mistakes_are_named(boxes, arrows, message):
    with pytest.raises(ValueError, match=message):
        plotting.block_diagram(boxes, arrows)


def test_drawing_leaves_the_readers_settings_alone():
    before = dict(matplotlib.rcParams)
    plotting.block_diagram(BOXES, ARROWS)
    assert dict(matplotlib.rcParams) == before

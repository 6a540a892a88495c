"""The course's pictures: what they draw, what they say in words, and how a notebook shows them."""

import base64
import io
import struct

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pytest
from IPython.core.interactiveshell import InteractiveShell
from IPython.core.pylabtools import select_figure_formats
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from PIL import Image
from sklearn.metrics import confusion_matrix as sklearn_confusion_matrix

from coursekit import plotting

matplotlib.use("Agg")

# Okabe & Ito (2008), "Color Universal Design": eight colours that colour-blind readers tell apart.
OKABE_ITO = {"#000000", "#e69f00", "#56b4e9", "#009e73", "#f0e442", "#0072b2", "#d55e00", "#cc79a7"}
X = np.linspace(0, 1, 5)
POINTS = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0], [2.0, 0.5]])
CLASSES = np.array([0, 1, 1, 0, 1])


def bowl(x, y):
    return x**2 + y**2


def right_half(points):
    return 1 / (1 + np.exp(-4 * (points[:, :1] - 0.7)))


EVERY_KIND = {
    "curves": lambda **options: plotting.curves(X, {"square": X**2, "root": X**0.5}, xlabel="x", **options),
    "training_curves": lambda **options: plotting.training_curves({"loss": [3, 2, 1]}, **options),
    "loss_surface": lambda **options: plotting.loss_surface(bowl, (-1, 1), (-1, 1), **options),
    "decision_regions": lambda **options: plotting.decision_regions(right_half, POINTS, CLASSES, **options),
    "confusion_matrix": lambda **options: plotting.confusion_matrix([0, 1, 1], [0, 1, 0], **options),
    "architecture": lambda **options: plotting.architecture({"input": (8, 8, 1), "output": (3,)}, **options),
    "network": lambda **options: plotting.network([2, 3, 1], **options),
    "image_grid": lambda **options: plotting.image_grid(np.zeros((3, 4, 4)), **options),
}
WITH_AX = [kind for kind in EVERY_KIND if kind != "image_grid"]  # it has one Axes per image


@pytest.fixture(autouse=True)
def closed_figures():
    yield
    plt.close("all")


@pytest.mark.parametrize("kind", EVERY_KIND)
def test_returns_a_figure_with_its_title_and_its_words(kind):
    figure = EVERY_KIND[kind](title="A title", alt="A picture in words.")
    assert isinstance(figure, Figure)
    titles = {ax.get_title() for ax in figure.axes} | {figure.get_suptitle()}
    assert "A title" in titles
    data, metadata = figure._repr_mimebundle_()
    assert data["text/plain"] == metadata["image/png"]["alt"] == "A picture in words."


@pytest.mark.parametrize("kind", EVERY_KIND)
def test_has_words_even_when_none_are_given(kind):
    figure = EVERY_KIND[kind]()
    assert len(figure.alt) > 15
    assert figure._repr_mimebundle_()[1]["image/png"]["alt"] == figure.alt


def test_a_notebook_shows_twice_the_pixels_of_the_page():
    shell = InteractiveShell.instance()
    try:
        select_figure_formats(shell, {"png"})  # as matplotlib's inline backend does
        plotting.use_style()
        data, metadata = shell.display_formatter.format(EVERY_KIND["curves"](alt="Two curves."))
    finally:
        InteractiveShell.clear_instance()
    assert metadata["image/png"]["alt"] == data["text/plain"] == "Two curves."
    assert Image.open(io.BytesIO(base64.b64decode(data["image/png"]))).width == 2 * metadata["image/png"]["width"]


@pytest.mark.parametrize("kind", WITH_AX)
def test_draws_into_the_given_ax(kind):
    figure, (left, right) = plotting.panels(1, 2, alt="Two panels.")
    assert EVERY_KIND[kind](ax=right, title="here") is figure
    assert right.has_data() and right.get_title() == "here"
    assert not left.has_data() and left.get_title() == ""
    assert figure.alt == "Two panels."
    assert plt.get_fignums() == [figure.number]


@pytest.mark.parametrize("kind", ["curves", "loss_surface", "decision_regions"])
def test_labels_of_the_axes_are_kept(kind):
    (ax,) = EVERY_KIND[kind](**({} if kind == "curves" else {"xlabel": "x"}), ylabel="height (m)").axes
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("x", "height (m)")


@pytest.mark.parametrize("kind", WITH_AX)
def test_drawing_leaves_the_readers_settings_alone(kind):
    before = dict(matplotlib.rcParams)
    EVERY_KIND[kind]()
    assert dict(matplotlib.rcParams) == before


def test_colours_are_safe_for_colour_blind_readers():
    with matplotlib.rc_context():
        plotting.use_style()
        cycle = [to_hex(colour) for colour in matplotlib.rcParams["axes.prop_cycle"].by_key()["color"]]
    assert len(set(cycle)) == len(cycle) >= 6 and set(cycle) <= OKABE_ITO
    lines = plotting.curves(X, {f"{i}": X + i for i in range(6)}, xlabel="x").axes[0].lines
    assert [to_hex(line.get_color()) for line in lines] == cycle[:6]
    assert len({(line.get_linestyle(), line.get_color()) for line in lines}) == 6
    assert len({line.get_linestyle() for line in lines[:4]}) == 4  # and in black and white


def test_curves_draw_the_data_given():
    lines = {"square": X**2, "root": X**0.5}
    (ax,) = plotting.curves(X, lines, xlabel="x", marker="o").axes
    assert [text.get_text() for text in ax.get_legend().get_texts()] == list(lines)
    for line, values in zip(ax.lines, lines.values(), strict=True):
        np.testing.assert_array_equal(line.get_xydata(), np.stack([X, values], axis=1))
        assert line.get_marker() == "o"


def test_curves_of_several_runs_are_their_mean_and_spread():
    runs = np.array([[1.0, 2, 3, 4, 5], [3, 2, 1, 8, 5], [2, 2, 2, 0, 5]])
    (ax,) = plotting.curves(X, {"runs": runs}, xlabel="x").axes
    mean, spread = runs.sum(axis=0) / 3, np.sqrt(((runs - runs.sum(axis=0) / 3) ** 2).sum(axis=0) / 3)
    np.testing.assert_allclose(ax.lines[0].get_ydata(), mean)
    band = ax.collections[0].get_paths()[0].vertices
    for x, low, high in zip(X, mean - spread, mean + spread):
        heights = band[np.isclose(band[:, 0], x), 1]
        assert heights.min() == pytest.approx(low) and heights.max() == pytest.approx(high)


@pytest.mark.parametrize(
    "log, scales",
    [("", ("linear", "linear")), ("x", ("log", "linear")), ("y", ("linear", "log")), ("xy", ("log", "log"))],
)
def test_logarithmic_axes(log, scales):
    (ax,) = plotting.curves(X + 1, {"line": X + 1}, xlabel="x", log=log).axes
    assert (ax.get_xscale(), ax.get_yscale()) == scales


def test_training_curves_count_epochs_from_one():
    (ax,) = plotting.training_curves({"loss": [3, 2, 1], "val_loss": [4, 3]}, ylabel="cross-entropy").axes
    np.testing.assert_array_equal(ax.lines[0].get_xydata(), [[1, 3], [2, 2], [3, 1]])
    np.testing.assert_array_equal(ax.lines[1].get_xydata(), [[1, 4], [2, 3], [3, np.nan]])
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("epoch", "cross-entropy")


def test_loss_surface_draws_paths_from_start_to_end():
    path = np.array([[0.9, 0.8], [0.5, 0.1], [0.0, 0.0]])
    (ax,) = plotting.loss_surface(bowl, (-1, 1), (-2, 2), {"SGD": path}, levels=[0.1, 0.5, 2]).axes
    whole, first, last = ax.lines
    np.testing.assert_array_equal(whole.get_xydata(), path)
    np.testing.assert_array_equal(first.get_xydata(), path[:1])
    np.testing.assert_array_equal(last.get_xydata(), path[-1:])
    assert (ax.get_xlim(), ax.get_ylim()) == ((-1, 1), (-2, 2))
    rings = [contour.vertices for collection in ax.collections[1:] for contour in collection.get_paths()]
    radii = sorted(np.median(np.hypot(*ring.T)) for ring in rings if len(ring))
    np.testing.assert_allclose(radii[:2], np.sqrt([0.1, 0.5]), atol=1e-3)


def test_decision_regions_show_every_point_and_the_border():
    (ax,) = plotting.decision_regions(right_half, POINTS, CLASSES).axes
    points = {c.get_label(): c.get_offsets() for c in ax.collections if c.get_label().startswith("class")}
    np.testing.assert_array_equal(points["class 0"], POINTS[CLASSES == 0])
    np.testing.assert_array_equal(points["class 1"], POINTS[CLASSES == 1])
    assert all(ax.get_xlim()[0] < x < ax.get_xlim()[1] and ax.get_ylim()[0] < y < ax.get_ylim()[1] for x, y in POINTS)
    border = ax.collections[1].get_paths()[0].vertices  # where the probability is 1/2
    np.testing.assert_allclose(border[:, 0], 0.7, atol=1e-3)


def test_network_has_a_disc_per_neuron_and_a_line_per_weight():
    (ax,) = plotting.network([3, 4, 2], names=["x", "h", "f"]).axes
    assert [len(discs.get_offsets()) for discs in ax.collections if len(discs.get_offsets())] == [3, 4, 2]
    assert len(ax.lines) == 3 * 4 + 4 * 2
    assert [text.get_text() for text in ax.texts] == ["x", "h", "f"]


def test_a_dropped_neuron_loses_all_its_weights():
    (ax,) = plotting.network([3, 4, 2], dropped=[[0], [1, 2], []]).axes
    assert len(ax.lines) == 2 * 2 + 2 * 2
    crosses = [marks.get_offsets() for marks in ax.collections if marks.get_sizes()[0] < 200]
    assert [len(marks) for marks in crosses] == [1, 2, 0]


def test_a_tall_layer_is_drawn_with_a_gap_and_its_size():
    (ax,) = plotting.network([784, 3], most=8).axes
    drawn = len(ax.collections[0].get_offsets())
    assert drawn <= 8 and len(ax.lines) == drawn * 3
    assert [text.get_text() for text in ax.texts] == ["⋮", "784", "3"]


@pytest.mark.parametrize("shape", [(5, 4, 4), (5, 4, 4, 1), (5, 4, 4, 3), (5, 1, 6), (5, 6, 1)])
def test_image_grid_draws_each_image(shape):
    images = np.random.default_rng(0).random(shape)
    figure = plotting.image_grid(images, [f"image {i}" for i in range(5)], columns=2)
    assert len(figure.axes) == 5
    for i, ax in enumerate(figure.axes):
        drawn = ax.images[0].get_array()
        assert drawn.shape[:2] == shape[1:3]
        np.testing.assert_array_equal(np.reshape(drawn, shape[1:]), images[i])
        assert ax.get_title() == f"image {i}"
    assert figure.axes[0].get_gridspec().get_geometry() == (3, 2)


@pytest.mark.parametrize("value_range, limits", [((0, 1), (0, 1)), ((-1, 2), (-1, 2)), (None, (0.25, 0.75))])
def test_image_grid_scales_by_the_given_range(value_range, limits):
    figure = plotting.image_grid(np.array([[[0.25, 0.75]] * 2]), value_range=value_range)
    assert figure.axes[0].images[0].get_clim() == limits


@pytest.mark.parametrize(
    "argument, call",
    [
        ("log", lambda: plotting.curves(X, {"a": X}, xlabel="x", log="z")),
        (r"lines\['b'\]", lambda: plotting.curves(X, {"a": X, "b": X[:-1]}, xlabel="x")),
        (r"lines\['a'\]", lambda: plotting.curves(X, {"a": 3.0}, xlabel="x")),
        ("histories", lambda: plotting.training_curves({})),
        ("paths", lambda: plotting.loss_surface(bowl, (-1, 1), (-1, 1), {"SGD": np.zeros((4, 3))})),
        ("paths", lambda: plotting.loss_surface(bowl, (-1, 1), (-1, 1), {"SGD": np.zeros((0, 2))})),
        ("x must", lambda: plotting.decision_regions(right_half, POINTS[:, :1], CLASSES)),
        ("x must", lambda: plotting.decision_regions(right_half, np.zeros((0, 2)), [])),
        (r"\by\b", lambda: plotting.decision_regions(right_half, POINTS, CLASSES[:-1])),
        (r"\by\b", lambda: plotting.decision_regions(right_half, POINTS, 2 * CLASSES - 1)),
        ("predict", lambda: plotting.decision_regions(lambda points: points, POINTS, CLASSES)),
        ("images", lambda: plotting.image_grid(np.zeros((4, 4)))),
        ("images", lambda: plotting.image_grid(np.zeros((0, 4, 4)))),
        ("images", lambda: plotting.image_grid(np.zeros((2, 4, 4, 2)))),
        ("captions", lambda: plotting.image_grid(np.zeros((2, 4, 4)), ["one"])),
        ("columns", lambda: plotting.image_grid(np.zeros((2, 4, 4)), columns=0)),
        ("layers", lambda: plotting.network([3])),
        ("layers", lambda: plotting.network([3, 0, 2])),
        ("names", lambda: plotting.network([3, 2], names=["x"])),
        ("dropped", lambda: plotting.network([3, 2], dropped=[[0]])),
        ("dropped", lambda: plotting.network([3, 2], dropped=[[3], []])),
        ("dropped", lambda: plotting.network([100, 2], dropped=[[5], []])),
        ("most", lambda: plotting.network([3, 2], most=2)),
        ("figures", lambda: plotting.animation([plotting.network([2, 1])], alt="One frame.")),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_errors_name_the_argument_and_leave_no_figure(argument, call):
    plt.close("all")
    with pytest.raises(ValueError, match=argument):
        call()
    assert len(plt.get_fignums()) == (argument == "figures")  # that call makes one itself


def test_a_picture_knows_its_smallest_text():
    figure, (left, right) = plotting.panels(1, 2)
    left.plot([1, 2])
    assert figure._repr_mimebundle_()[1]["image/png"]["points"] == 11  # the ticks' labels, by course.mplstyle
    left.text(0, 1, "small", fontsize=7)
    right.text(0, 1, "smaller, but not seen", fontsize=5, visible=False)
    assert figure.smallest_text() == 7
    for ax in (left, right):
        ax.clear()
        ax.set_axis_off()
    assert figure._repr_mimebundle_()[1]["image/png"]["points"] is None


def test_a_picture_is_sharp_and_keeps_its_size_on_the_page():
    figure, _ = plotting.panels(alt="Empty.", size=(5, 3))
    data, metadata = figure._repr_mimebundle_()
    picture = Image.open(io.BytesIO(base64.b64decode(data["image/png"])))
    assert picture.width == 2 * metadata["image/png"]["width"] == 960


# Animations


def frame(colour):
    figure, ax = plotting.panels(alt="A colour.", size=(2, 1))
    ax.set_axis_off()
    figure.set_facecolor(colour)
    ax.plot([0, 1], [0, 1], color="black")
    return figure


def pixels(figure):
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=96)
    return np.asarray(Image.open(buffer).convert("RGB"), int)


def test_animation_plays_every_figure_and_rests_on_the_last():
    figures = [frame(colour) for colour in ("#0072B2", "#D55E00", "#009E73")]
    originals = [pixels(figure) for figure in figures]

    data, metadata = plotting.animation(figures, alt="Three colours.", seconds_per_frame=0.25)._repr_mimebundle_()

    png = base64.b64decode(data["image/png"])
    (frames,) = struct.unpack(">I", png[png.index(b"acTL") + 4 :][:4])  # as browsers count them
    assert frames == 3
    image = Image.open(io.BytesIO(png))
    assert image.default_image
    shown = []
    for index in range(image.n_frames):
        image.seek(index)
        shown.append(np.asarray(image.convert("RGB"), int))
        assert index == 0 or image.info["duration"] == 250
    for drawn, original in zip(shown, [originals[-1], *originals], strict=True):
        assert drawn.shape == original.shape
        assert np.abs(drawn - original).mean() < 3  # a palette of 256 colours
    assert metadata["image/png"]["alt"] == data["text/plain"] == "Three colours."
    assert plt.get_fignums() == []


# In a notebook


def test_a_cell_shows_its_figure_once(executed):
    draw = "plotting.curves(x, {'line': x}, xlabel='x', alt='A line.')"
    animate = "plotting.animation([plotting.network([2, n], alt='frame') for n in (1, 2)], alt='A line.')"
    setup, *cells = executed(
        "from coursekit import plotting; import numpy as np; x = np.arange(3)",
        draw,
        f"figure = {draw}",
        f"figure = {draw}\nfigure",
        f"{draw};",
        f"display({draw})",
        animate,
    )
    assert setup.outputs == []
    for cell in cells:
        (output,) = cell.outputs
        assert output.output_type in ("display_data", "execute_result")
        assert output.data["text/plain"] == output.metadata["image/png"]["alt"] == "A line."
        assert Image.open(io.BytesIO(base64.b64decode(output.data["image/png"]))).format == "PNG"


def test_architecture_writes_the_sizes_of_each_layer():
    figure = plotting.architecture({"image": (32, 32, 1), "C1": (28, 24, 6), "output": (10,)})
    words = [text.get_text() for text in figure.axes[0].texts]
    assert words == ["image", "32×32×1", "C1", "28×24×6", "output", "10"]
    fronts = [patch.get_xy() for patch in figure.axes[0].patches[::3]]
    heights, depths = zip(*[(np.ptp(front[:, 1]), np.ptp(front[:, 0])) for front in fronts])
    assert heights[0] > heights[1] and depths[1] > depths[0]  # smaller maps, more of them


@pytest.mark.parametrize(
    "volumes, message",
    [
        ({"input": (8, 8, 1)}, "at least one layer; got 1"),
        ({"input": (8, 8), "output": (3,)}, r"volumes\['input'\] must be .* got \(8, 8\)"),
        ({"input": (8, 8, 0), "output": (3,)}, "must be"),
    ],
)
def test_architecture_refuses(volumes, message):
    with pytest.raises(ValueError, match=message):
        plotting.architecture(volumes)


def test_confusion_matrix_counts_as_scikit_learn():
    generator = np.random.default_rng(0)
    labels, predictions = generator.integers(0, 4, (2, 200))
    (ax,) = plotting.confusion_matrix(labels, predictions, classes=list("abcd")).axes
    drawn = np.zeros((4, 4), int)
    for text in ax.texts:
        column, row = text.get_position()
        drawn[row, column] = int(text.get_text())
    np.testing.assert_array_equal(drawn, sklearn_confusion_matrix(labels, predictions))
    np.testing.assert_array_equal(ax.images[0].get_array(), drawn - np.diag(np.diag(drawn)))
    assert [tick.get_text() for tick in ax.get_xticklabels()] == list("abcd")


def test_confusion_matrix_counts_in_small_integers_too():
    labels = np.array([0, 1, 127], "int8")
    assert len(plotting.confusion_matrix(labels, labels).axes[0].get_xticks()) == 128


def test_confusion_matrix_refuses():
    with pytest.raises(ValueError, match=r"one shape \(n,\), n > 0; got \(3,\) and \(2,\)"):
        plotting.confusion_matrix([0, 1, 2], [0, 1])
    with pytest.raises(ValueError, match="classes must name the 3 classes; got 2"):
        plotting.confusion_matrix([0, 2], [1, 1], classes=["a", "b"])
    with pytest.raises(ValueError, match="labels must be integers >= 0; got int64, the smallest -1"):
        plotting.confusion_matrix([0, -1], [0, 1])
    with pytest.raises(ValueError, match="predictions must be integers >= 0; got float64"):
        plotting.confusion_matrix([0, 1], [0.0, 0.5])

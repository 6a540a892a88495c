"""Pictures with sliders: still by default, moving where they can."""

import base64
import io
import re

import numpy as np
import pytest
from PIL import Image

from coursekit import plotting


def draw(slope, kind="line"):
    x = np.linspace(-1, 1, 5)
    return plotting.curves(x, {kind: slope * x}, xlabel="x", alt="A <line> & its slope.")


def test_without_sliders_it_is_the_picture_at_the_start(monkeypatch):
    for name in ("COURSEKIT_SLIDERS", "BINDER_REPO_URL"):
        monkeypatch.delenv(name, raising=False)
    figure = plotting.sliders(draw, slope=(-2.0, 2.0, 1.5), kind=("line", "curve"))
    [line] = figure.axes[0].lines
    np.testing.assert_allclose(line.get_ydata(), 1.5 * line.get_xdata())
    assert isinstance(figure, plotting.CourseFigure) and figure.alt == "A <line> & its slope."


@pytest.mark.parametrize("variable", [("COURSEKIT_SLIDERS", "on"), ("BINDER_REPO_URL", "https://github.com/a/b")])
def test_a_slider_that_moves_draws_anew(monkeypatch, variable):
    monkeypatch.delenv("COURSEKIT_SLIDERS", raising=False)
    monkeypatch.setenv(*variable)
    drawn = []

    def noted(**values):
        drawn.append(values)
        return draw(**values)

    box = plotting.sliders(noted, slope=(-2.0, 2.0, 1.0), kind=("line", "curve"))
    (slope, kind), picture = box.children[0].children, box.children[1]
    before = picture.value
    slope.value = -0.5
    kind.value = "curve"
    assert drawn == [{"slope": 1.0, "kind": "line"}, {"slope": -0.5, "kind": "line"}, {"slope": -0.5, "kind": "curve"}]
    assert picture.value != before and 'alt="A &lt;line&gt; &amp; its slope."' in picture.value
    png = base64.b64decode(re.search(r"base64,([^\"]+)", picture.value)[1])
    assert Image.open(io.BytesIO(png)).format == "PNG"


def test_whole_numbers_get_whole_steps(monkeypatch):
    monkeypatch.setenv("COURSEKIT_SLIDERS", "on")
    [knob] = plotting.sliders(draw, slope=(0, 3, 1)).children[0].children
    knob.value = 2
    assert (knob.step, knob.min, knob.max) == (1, 0, 3)


@pytest.mark.parametrize("control", [(1, 2), (0, 1, 2), (2, 1, 1), ("only",), ("a", 1), 3, (1, 1, 1), "text"])
def test_a_control_must_have_a_form(control):
    with pytest.raises(ValueError, match="slope must be"):
        plotting.sliders(draw, slope=control)


def test_there_must_be_a_control():
    with pytest.raises(ValueError, match="at least one control"):
        plotting.sliders(draw)


def test_the_switch_is_on_or_off(monkeypatch):
    monkeypatch.setenv("COURSEKIT_SLIDERS", "perhaps")
    with pytest.raises(ValueError, match="COURSEKIT_SLIDERS must be one of on, off; got 'perhaps'"):
        plotting.sliders(draw, slope=(0, 2, 1))

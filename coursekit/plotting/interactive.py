"""Pictures with sliders, where the notebook can move, and without them everywhere else."""

import html
import os
import sys
from collections.abc import Callable
from numbers import Real
from typing import Any

from coursekit.checks import check_choice
from coursekit.plotting.figure import CourseFigure

__all__ = ["sliders"]

STEPS = 40  # of a slider, from its lowest to its highest value


def sliders(draw: Callable[..., CourseFigure], **controls: tuple) -> Any:
    """A picture and a control for each of its numbers; as the last line of a cell it is shown.

    Sliders move where ``make lab``, Colab or Binder runs the notebook, or COURSEKIT_SLIDERS=on says so. Elsewhere, on
    pages, decks and in tests, the same picture stands still at the starting values.

    Args:
        draw: makes the figure from the values, given by name.
        controls: (lowest, highest, start) for a number; two or more texts, the first to start with, for a choice.

    Returns:
        The figure, or the widget that holds it.

    Raises:
        ValueError: a control of another form, or COURSEKIT_SLIDERS is neither "on" nor "off".
    """
    if not controls:
        raise ValueError("sliders needs at least one control, such as w=(-3, 3, 1)")
    start = {name: _start(name, control) for name, control in controls.items()}
    if not _wanted():
        return draw(**start)
    import ipywidgets

    def control(name, values):
        if isinstance(values[0], str):
            return ipywidgets.Dropdown(options=values, value=start[name], description=name)
        lowest, highest, _ = values
        whole = all(isinstance(value, int) for value in values)
        make = ipywidgets.IntSlider if whole else ipywidgets.FloatSlider
        step = 1 if whole else (highest - lowest) / STEPS
        return make(start[name], min=lowest, max=highest, step=step, description=name, continuous_update=False)

    knobs = {name: control(name, values) for name, values in controls.items()}
    picture = ipywidgets.HTML()

    def redraw(_=None):
        picture.value = _as_html(draw(**{name: knob.value for name, knob in knobs.items()}))

    for knob in knobs.values():
        knob.observe(redraw, "value")
    redraw()
    return ipywidgets.VBox([ipywidgets.HBox(list(knobs.values())), picture])


def _start(name, control):
    if isinstance(control, (tuple, list)) and len(control) >= 2 and all(isinstance(value, str) for value in control):
        return control[0]
    numbers = isinstance(control, (tuple, list)) and all(isinstance(value, Real) for value in control)
    if not (numbers and len(control) == 3 and control[0] <= control[2] <= control[1] and control[0] < control[1]):
        raise ValueError(
            f"{name} must be (lowest, highest, start) with the start between them, or two texts or more; got {control!r}"
        )
    return control[2]


def _wanted():
    hosted = "google.colab" in sys.modules or "BINDER_REPO_URL" in os.environ
    chosen = os.environ.get("COURSEKIT_SLIDERS") or ("on" if hosted else "off")
    check_choice("COURSEKIT_SLIDERS", chosen, ("on", "off"))
    return chosen == "on"


def _as_html(figure):
    data, about = figure._repr_mimebundle_()
    alt, width = html.escape(about["image/png"]["alt"]), about["image/png"]["width"]
    return f'<img style="max-width: 100%" alt="{alt}" width="{width}" src="data:image/png;base64,{data["image/png"]}">'

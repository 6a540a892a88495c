"""Live curves: one bar in a terminal, one figure in a notebook."""

import io

import keras
import numpy as np
import pytest

from coursekit import scratch
from coursekit.callbacks import LiveCurves
from coursekit.plotting.live import LiveFigure


def last_line(text):
    """What the terminal shows in the end: each carriage return starts the line anew."""
    return text.split("\r")[-1]


def test_a_terminal_gets_one_line_with_a_full_bar():
    stream = io.StringIO()
    live = LiveFigure(3, title="demo", every=0, stream=stream)
    for epoch in range(3):
        live(epoch, {"loss": 1 / (epoch + 1), "accuracy": 0.5})
    text = stream.getvalue()
    assert text.count("\n") == 1 and text.endswith("\n")
    assert last_line(text).startswith("demo  " + "█" * 24 + " 100%")
    assert "loss 0.3333" in last_line(text) and "accuracy 0.5000" in last_line(text)
    assert live.history == {"loss": [1, 1 / 2, 1 / 3], "accuracy": [0.5] * 3}


@pytest.mark.parametrize("done, percent", [(0.5, "12%"), (1, "25%"), (2.5, "62%"), (4, "100%"), (9, "100%")])
def test_the_bar_shows_how_far_training_is(done, percent):
    stream = io.StringIO()
    LiveFigure(4, every=0, stream=stream).advance(done)
    assert f" {percent} " in last_line(stream.getvalue())


def test_drawing_waits_but_the_end_is_always_drawn():
    stream = io.StringIO()
    live = LiveFigure(50, every=3600, stream=stream)
    for epoch in range(50):
        live(epoch, {"loss": epoch})
    assert stream.getvalue().count("\r") == 2  # the beginning and the end
    assert "loss 49.0000" in last_line(stream.getvalue())


@pytest.mark.parametrize("logs, panels", [({"loss": 1.0}, 1), ({"loss": 1.0, "accuracy": 0.5}, 2)])
def test_no_panel_stays_empty(logs, panels):
    live = LiveFigure(2, stream=io.StringIO())
    live(0, logs)
    assert len(live._figure().axes) == panels


def test_it_follows_the_scratch_fit_as_it_is():
    live = LiveFigure(2, stream=io.StringIO())
    history = scratch.fit(
        scratch.MLP([2, 2]),
        np.ones((4, 2)),
        np.eye(2)[[0, 1, 0, 1]],
        optimizer=scratch.SGD(),
        epochs=2,
        batch_size=2,
        on_epoch=live,
    )
    assert live.history == history


def test_groups_choose_what_shares_an_axis():
    live = LiveFigure(2, groups={"probability": ["D(x)", "D(G(z))"], "nats": ["V"]}, stream=io.StringIO())
    assert len(live._figure().axes) == 2  # before there is anything to draw
    live(0, {"D(x)": 0.6, "D(G(z))": 0.4, "V": -1.2, "loss": 3.0})
    left, right = live._figure().axes
    assert [left.get_ylabel(), right.get_ylabel()] == ["probability", "nats"]
    assert [len(left.lines), len(right.lines)] == [2, 1]
    assert len(LiveFigure(2, groups={"nats": ["V"]}, stream=io.StringIO())._figure().axes) == 1


def test_bad_epochs_are_named():
    with pytest.raises(ValueError, match="epochs"):
        LiveFigure(0)


def small_model():
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)], name="small")
    model.compile(loss="mse")
    return model


def test_keras_prints_one_line_too(capsys):
    live = LiveCurves(every=0)
    history = small_model().fit(np.ones((8, 2)), np.ones(8), batch_size=2, epochs=2, verbose=0, callbacks=[live])
    text = capsys.readouterr().out
    assert text.count("\n") == 1 and last_line(text).startswith("small  " + "█" * 24 + " 100%")
    assert live.figure.history == history.history
    percents = [int(drawn.split("%")[0].split()[-1]) for drawn in text.split("\r")[1:]]
    assert percents == sorted(percents) and {25, 50, 75} < set(percents)


def test_training_that_stops_early_shows_its_last_epoch(capsys):
    stop = keras.callbacks.LambdaCallback()
    stop.on_epoch_end = lambda epoch, logs: setattr(stop.model, "stop_training", epoch == 1)
    live = LiveCurves(every=3600)
    small_model().fit(np.ones((8, 2)), np.ones(8), epochs=9, verbose=0, callbacks=[stop, live])
    text = capsys.readouterr().out
    assert f"loss {live.figure.history['loss'][1]:.4f}" in last_line(text)
    assert text.endswith("\n")


def test_training_that_resumes_starts_where_it_stopped(capsys):
    small_model().fit(
        np.ones((8, 2)), np.ones(8), batch_size=2, initial_epoch=2, epochs=4, verbose=0, callbacks=[LiveCurves(every=0)]
    )
    percents = [int(drawn.split("%")[0].split()[-1]) for drawn in capsys.readouterr().out.split("\r")[2:]]
    assert percents[0] > 50 and percents == sorted(percents)


def test_after_a_resume_the_axis_has_the_epochs_of_the_whole(capsys):
    live = LiveCurves(every=0)
    small_model().fit(np.ones((8, 2)), np.ones(8), initial_epoch=2, epochs=5, verbose=0, callbacks=[live])
    (ax,) = live.figure._figure().axes
    assert list(ax.lines[0].get_xdata()) == [3, 4, 5] and ax.get_xlim() == (2.5, 5.5)


SETUP = """
import numpy as np, keras
from coursekit import scratch
from coursekit.callbacks import LiveCurves
from coursekit.plotting.live import LiveFigure
x, y = np.random.rand(64, 2), np.random.rand(64)
model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
model.compile(loss="mse", metrics=["mae"])
curves = lambda: LiveCurves("demo", alt="Falling loss.", every=0)
class Interrupt(keras.callbacks.Callback):
    def on_epoch_end(self, epoch, logs=None):
        if epoch == 1: raise KeyboardInterrupt
"""


def test_a_notebook_keeps_exactly_one_figure_even_when_interrupted(executed):
    setup, *trainings = executed(
        SETUP,
        "model.fit(x, y, epochs=3, verbose=0, callbacks=[curves()]);",
        "model.fit(x, y, epochs=3, verbose=0, callbacks=[curves(), Interrupt()]);",
        "scratch.fit(scratch.MLP([2, 2]), x, np.eye(2)[[0, 1] * 32], optimizer=scratch.SGD(), epochs=3, batch_size=8,"
        " on_epoch=LiveFigure(3, alt='Falling loss.', every=0));",
    )
    assert not any(output.output_type == "error" for output in setup.outputs)
    assert [[output.get("ename", output.output_type) for output in cell.outputs] for cell in trainings] == [
        ["display_data"],
        ["display_data", "KeyboardInterrupt"],
        ["display_data"],
    ]
    for cell in trainings:
        kept, (first, *later) = cell.outputs[0], cell.displays
        assert kept.metadata["image/png"]["alt"] == "Falling loss."
        assert set(kept.data) == {"image/png", "text/plain"}
        assert kept.data["image/png"] == later[-1]["image/png"] != first["image/png"]  # it grew, and
        assert {display["text/plain"] for display in [first, *later]} == {"Falling loss."}  # nbval keeps the first

"""Several processes: results in order, every way to fail, nothing left behind, and a killed run that goes on."""

import os
import signal
import subprocess
import sys
import tempfile
import textwrap
import time
from pathlib import Path

import numpy as np
import psutil
import pytest

from coursekit.launcher import WorkerError, launch

OUTSIDE = 3


def who(greeting="hello", to=()):
    import os

    print(greeting)
    return {"number": int(os.environ["KERAS_DISTRIBUTION_PROCESS_ID"]), "to": to}


def seen_environment():
    import importlib.util
    import os
    import sys

    names = ("KERAS_BACKEND", "JAX_PLATFORMS", "NPROC", "XLA_FLAGS", "http_proxy")
    blocked = [name for name, module in sys.modules.items() if module is None]
    return {name: os.environ.get(name) for name in names} | {
        "blocked": blocked,
        "coursekit": importlib.util.find_spec("coursekit") is not None,
    }


def number():
    import os

    return int(os.environ["KERAS_DISTRIBUTION_PROCESS_ID"])


def killed(which):
    import os
    import signal
    import time

    print("about to end")
    if number() == which:
        os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(60)


def failing(which):
    import time

    if number() == which:
        raise ValueError("an error inside")
    time.sleep(60)


def leaving(status):
    import os

    os._exit(status)


def sleeping(which, seconds=60):
    import time

    if number() in which:
        time.sleep(seconds)


def with_child(path):
    import subprocess
    import sys
    import time

    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    with open(path, "w", encoding="utf-8") as file:
        file.write(str(child.pid))
    time.sleep(60)


def array():
    import numpy as np

    return np.arange(3), np.float32(0.5)


def not_json():
    return object()


def foreign():
    return OUTSIDE


def by_default(steps=OUTSIDE):
    return steps


def train(path, die_at=None):
    """Eight steps of a small network with noise, a checkpoint every third, over all processes."""
    import os
    import signal

    import jax
    import keras
    import numpy as np

    keras.distribution.initialize()
    keras.distribution.set_distribution(keras.distribution.DataParallel(auto_shard_dataset=False))
    keras.utils.set_random_seed(1)
    layers = [keras.layers.Dense(8, "relu"), keras.layers.Dropout(0.5), keras.layers.Dense(1)]
    model = keras.Sequential([keras.Input((4,)), *layers])
    model.compile("adam", "mse")
    model.optimizer.build(model.trainable_variables)
    variables, losses, first = [*model.variables, *model.optimizer.variables], [], 0
    if os.path.exists(path):
        with np.load(path) as kept:
            first = int(kept["step"])
            for place, variable in enumerate(variables):
                variable.assign(kept[f"arr_{place}"])
    for step in range(first, 8):
        if step == die_at and jax.process_index() == 1:
            os.kill(os.getpid(), signal.SIGKILL)
        x = np.random.default_rng(step).normal(size=(16, 4)).astype("float32")
        mine = np.split(x, jax.process_count())[jax.process_index()]
        losses.append(float(model.train_on_batch(mine, mine.sum(axis=1, keepdims=True), return_dict=True)["loss"]))
        model.reset_metrics()
        state = [np.asarray(variable) for variable in variables]
        if step % 3 == 2 and jax.process_index() == 0:
            np.savez(path + ".part.npz", *state, step=step + 1)
            os.replace(path + ".part.npz", path)
    return {"first": first, "losses": losses, "state": [float(np.abs(value).sum()) for value in state]}


@pytest.fixture(autouse=True)
def nothing_left_behind(monkeypatch, tmp_path_factory):
    """Neither a process nor a folder of a launch is left when a test ends."""
    folder = tmp_path_factory.mktemp("launches")  # of this test alone: others may run beside it
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    children = set(psutil.Process().children())
    yield
    assert not list(folder.iterdir())
    assert not [child for child in set(psutil.Process().children()) - children if child.is_running()]


def test_results_come_back_in_order():
    results = launch(who, 3, arguments={"greeting": "good day", "to": ["all", 1]})
    assert results == [{"number": number, "to": ["all", 1]} for number in range(3)]


def test_arrays_come_back_as_lists():
    assert launch(array, 1) == [[[0, 1, 2], 0.5]]


def test_functions_that_are_used():
    assert launch(sleeping, 2, using=[number], arguments={"which": [], "seconds": 0}) == [None, None]


def test_a_function_defined_inside_another():
    def inner():
        return "text"

    assert launch(inner, 1) == ["text"]


def test_the_environment_of_a_worker(monkeypatch):
    monkeypatch.setenv("http_proxy", "http://nowhere.invalid:1")
    monkeypatch.setenv("KERAS_BACKEND", "tensorflow")
    [seen] = launch(seen_environment, 1, environment={"XLA_FLAGS": ""})
    assert seen["KERAS_BACKEND"] == "jax" and seen["JAX_PLATFORMS"] == "cpu" and seen["NPROC"] == "1"
    assert seen["XLA_FLAGS"] == "" and seen["http_proxy"] is None and seen["coursekit"]
    assert "tensorflow" in seen["blocked"]
    [seen] = launch(seen_environment, 1, without=())
    assert not seen["blocked"]


@pytest.mark.parametrize("which", [0, 1])
def test_a_worker_that_is_killed(which):
    with pytest.raises(WorkerError, match=f"process {which} of 2 was killed by SIGKILL(.|\n)*about to end") as caught:
        launch(killed, 2, using=[number], arguments={"which": which})
    assert caught.value.process == which and caught.value.status == -signal.SIGKILL
    assert caught.value.lines == ("about to end",)


def test_a_worker_that_raises():
    with pytest.raises(WorkerError, match="process 1 of 2 ended with exit status 1(.|\n)*an error inside") as caught:
        launch(failing, 2, using=[number], arguments={"which": 1})
    assert (caught.value.process, caught.value.status) == (1, 1)
    assert caught.value.lines[-1] == "ValueError: an error inside"


def test_a_worker_that_leaves():
    with pytest.raises(WorkerError, match="process 0 of 1 ended with exit status 7; it wrote nothing"):
        launch(leaving, 1, arguments={"status": 7})
    with pytest.raises(WorkerError, match="process 0 ended before the function returned"):
        launch(leaving, 1, arguments={"status": 0})


def test_a_result_that_json_cannot_write():
    with pytest.raises(WorkerError, match="process 0 of 1 ended with exit status 1"):
        launch(not_json, 1)


@pytest.mark.parametrize(
    ("which", "who"), [([1], "process 1 of 3 did not"), ([0, 2], "processes 0, 2 of 3 did not finish within 1.5 s")]
)
def test_workers_that_hang(which, who):
    with pytest.raises(WorkerError, match=who) as caught:
        launch(sleeping, 3, using=[number], arguments={"which": which}, seconds=1.5)
    assert caught.value.status is None and caught.value.process == which[0]


def test_what_a_worker_started_is_stopped_too(tmp_path):
    path = tmp_path / "pid"
    with pytest.raises(WorkerError, match="did not finish"):
        launch(with_child, 1, arguments={"path": str(path)}, seconds=3)
    pid = int(path.read_text(encoding="utf-8"))
    for _ in range(100):
        if not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
            break
        time.sleep(0.05)
    else:
        pytest.fail(f"process {pid} still runs")


def failing_with_a_stray():
    import subprocess

    subprocess.Popen(["sleep", "90"], start_new_session=True)  # leaves the group and keeps the pipe
    raise ValueError("about to end")


def test_a_stray_that_keeps_the_pipe_delays_no_error():
    with pytest.raises(WorkerError, match="ended with exit status 1(.|\n)*ValueError: about to end"):
        launch(failing_with_a_stray, 1, seconds=60)  # before the stray ends


@pytest.mark.parametrize(
    ("error", "message", "function", "options"),
    [
        (TypeError, "function and using must be functions made by def", lambda: 1, {}),
        (TypeError, "function and using must be functions made by def", print, {}),
        (TypeError, "function and using must be functions made by def", number, {"using": ["number"]}),
        (ValueError, "foreign must import .* it takes OUTSIDE from outside", foreign, {}),
        (ValueError, "sleeping must import .* it takes number from outside", sleeping, {}),
        (TypeError, "using must be a sequence, such as a list; got <function number", number, {"using": number}),
        (TypeError, "without must be a sequence, such as a list; got 'tensorflow'", number, {"without": "tensorflow"}),
        (ValueError, "by_default must import .* it takes OUTSIDE from outside", by_default, {}),
        (TypeError, "processes must be an integer >= 1", number, {"processes": 1.5}),
        (ValueError, "processes must be an integer >= 1; got 0", number, {"processes": 0}),
        (ValueError, "seconds must be a number > 0", number, {"seconds": 0}),
        (TypeError, "arguments must be what JSON can write", number, {"arguments": {"x": np.zeros(2)}}),
    ],
)
def test_bad_arguments(error, message, function, options):
    with pytest.raises(error, match=message):
        launch(function, **options)


def test_a_function_that_takes_a_name_from_the_function_around_it():
    steps = 3

    def train():
        return steps

    with pytest.raises(ValueError, match="train must import .* it takes steps from outside"):
        launch(train)


def test_a_class_in_a_function_may_read_its_own_names():
    def made():
        class Sizes:
            width: int = 2
            area = width * 3

        return Sizes.area

    assert launch(made, 1) == [6]


def test_a_function_without_a_text():
    names = {}
    exec("def made():\n    return 1", names)
    with pytest.raises(ValueError, match="made must stand in a file or a notebook cell"):
        launch(names["made"], 1)


INTERRUPTED = """
    from coursekit.launcher import launch

    def forever():
        import os, subprocess, time
        child = subprocess.Popen(["sleep", "60"])
        for pid in (child.pid, os.getpid()):
            open({path!r} + str(pid), "w").close()
        time.sleep(60)

    launch(forever, 2)
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_no_process_outlives_the_one_that_started_them(number, tmp_path):
    """Ctrl-C, and a kernel that is killed and can clean up nothing; workers, and what they started."""
    script = tmp_path / "script.py"
    script.write_text(textwrap.dedent(INTERRUPTED).format(path=str(tmp_path / "pid")), encoding="utf-8")
    root = str(Path(__file__).parents[1])
    environment = os.environ | {"PYTHONPATH": root, "TMPDIR": str(tmp_path)}
    process = subprocess.Popen(
        [sys.executable, str(script)],
        env=environment,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a shell's background jobs ignore it
    )
    while len(pids := [int(path.name[3:]) for path in tmp_path.glob("pid*")]) < 4:
        assert process.poll() is None, process.communicate()
        time.sleep(0.05)
    process.send_signal(number)
    _, said = process.communicate()
    assert number != signal.SIGINT or said.rstrip().endswith("KeyboardInterrupt")
    _, alive = psutil.wait_procs([psutil.Process(pid) for pid in pids if psutil.pid_exists(pid)], timeout=20)
    assert not alive
    assert not list(tmp_path.glob("coursekit-*"))


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    return launch(train, 2, arguments={"path": str(tmp_path_factory.mktemp("undisturbed") / "state.npz")})


def test_two_processes_give_one_process_loss(undisturbed, tmp_path):
    [one] = launch(train, 1, arguments={"path": str(tmp_path / "state.npz")})
    np.testing.assert_allclose(undisturbed[0]["losses"], one["losses"], rtol=1e-6)
    assert undisturbed[0] == undisturbed[1]


def test_a_killed_run_goes_on_as_if_nothing_had_happened(undisturbed, tmp_path):
    path = str(tmp_path / "state.npz")
    with pytest.raises(WorkerError, match="process 1 of 2 was killed by SIGKILL"):
        launch(train, 2, arguments={"path": path, "die_at": 5})
    resumed = launch(train, 2, arguments={"path": path})
    assert [each["first"] for each in resumed] == [3, 3]
    np.testing.assert_allclose(resumed[0]["losses"], undisturbed[0]["losses"][3:], rtol=1e-6)
    np.testing.assert_allclose(resumed[0]["state"], undisturbed[0]["state"], rtol=1e-6)

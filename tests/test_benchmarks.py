"""What benchmarks publish, and that the course quotes what they published."""

import ast
import importlib
import importlib.util
import re
import subprocess
from pathlib import Path

import keras
import nbformat
import numpy as np
import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture
def report(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    return importlib.import_module("report")


def test_a_section_replaces_its_older_self_and_no_other(report, tmp_path):
    path = tmp_path / "results.md"
    for title, table in [("Speed", "| slow |"), ("Accuracy", "| good |"), ("Speed", "| fast |")]:
        report.publish("speed.py", title, table, path)
    text = path.read_text(encoding="utf-8")
    assert re.findall(r"^## (.+)$", text, re.M) == ["Accuracy", "Speed"]
    assert "fast" in text and "good" in text and "slow" not in text
    assert re.search(r"`benchmarks/speed.py`, \d{2} \w+ \d{4}, .+ cores?, Python 3\.\d+", text)
    assert text.startswith("# Results\n")


def test_rows_make_a_table(report):
    table = report.rows(["", "ratio"], [["ours", "0.9"]])
    assert table == "|  | ratio |\n| --- | --: |\n| ours | 0.9 |"


def test_a_benchmark_that_was_stopped_goes_on_where_it_was(monkeypatch, tmp_path):
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    run = importlib.import_module("one_thread").run
    script, log, stopper = tmp_path / "small.py", tmp_path / "log", tmp_path / "stop"
    script.write_text(
        "import json, pathlib, sys\n"
        "job = json.loads(sys.argv[1])\n"
        f"assert job['n'] < 2 or not pathlib.Path({str(stopper)!r}).exists()\n"
        f"pathlib.Path({str(log)!r}).open('a').write(f\"{{job['n']}} \")\n"
        "print(json.dumps({'square': job['n'] ** 2}))\n",
        encoding="utf-8",
    )
    jobs = [{"n": n} for n in range(4)]
    stopper.touch()
    with pytest.raises(subprocess.CalledProcessError):
        run(str(script), jobs, at_once=1, folder=tmp_path / "kept")
    stopper.unlink()
    assert run(str(script), jobs, at_once=1, folder=tmp_path / "kept") == [{"square": n**2} for n in range(4)]
    assert sorted(log.read_text(encoding="utf-8").split()) == ["0", "1", "2", "3"]  # each of them once
    assert not list((tmp_path / "kept").iterdir())  # the next time all is measured again


@pytest.fixture
def full(monkeypatch, tmp_path):
    """benchmarks/full.py for a course of one notebook of a second."""
    for folder in ("benchmarks", "tools"):
        monkeypatch.syspath_prepend(str(ROOT / folder))
    full = importlib.import_module("full")
    monkeypatch.setattr(full, "RECORD", tmp_path / "full.csv")
    monkeypatch.setattr(full, "NOTEBOOKS", tmp_path)
    monkeypatch.setattr(full, "chosen", lambda names: [tmp_path / "09_small.ipynb"])
    cells = [
        "import coursekit\nfrom coursekit import claim\n\nrun = coursekit.start(seed=1)",
        "claim('test error', run.pick(quick=1.0, full=0.25), at_most=0.5)",
        "claim('the seed', run.seed, at_most=2)",
    ]
    nbformat.write(
        nbformat.v4.new_notebook(cells=[*map(nbformat.v4.new_code_cell, cells)]), tmp_path / "09_small.ipynb"
    )
    return full


def test_a_run_of_the_full_profile_is_kept_with_what_it_took(full, tmp_path, monkeypatch):
    """Also a claim that fails, by its name; a run again takes the place of the older one, another seed does not."""
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "-1")
    path = tmp_path / "09_small.ipynb"
    once, other = (full.measure(path, seed) for seed in (1, 3))
    for run in (once | {"claims": "0"}, other, once):
        full.keep(full.RECORD, run, full.SAME)
    first, third = full.recorded(full.RECORD)
    assert (first["seed"], first["figure"], first["failed"], first["claims"]) == ("1", "0.25", "", "2")
    assert (third["seed"], third["failed"]) == ("3", "the seed")
    assert re.fullmatch(r"cpu, tensorflow 2[.\d]+", first["device"]) and int(first["megabytes"]) > 100
    assert full.table().count("| older |") == 0 and "| test error: 0.25 |" in full.table()
    path.write_text(path.read_text(encoding="utf-8").replace("full=0.25", "full=0.3"), encoding="utf-8")
    assert full.table().count("| older |") == 2


@pytest.fixture
def t4(monkeypatch):
    """benchmarks/t4.py; Keras' own methods are back afterwards."""
    for folder in ("benchmarks", "tools"):
        monkeypatch.syspath_prepend(str(ROOT / folder))
    for name in ("fit", "train_on_batch", "evaluate", "predict"):
        monkeypatch.setattr(keras.Model, name, getattr(keras.Model, name))
    return importlib.import_module("t4")


def test_an_estimate_counts_all_steps_and_does_a_few(t4):
    """Ten training batches and four of validation in each of 24 epochs; one layer, 5 x 10 by 10 x 3."""
    sums = t4.watch()
    model = keras.Sequential([keras.Input((10,)), keras.layers.Dense(3)])
    model.compile("sgd", "mse")
    x, y = np.zeros((50, 10)), np.zeros((50, 3))
    history = model.fit(x, y, batch_size=5, epochs=24, validation_data=(x[:20], y[:20]), verbose=0)
    assert len(history.history["loss"]) == len(history.history["val_loss"]) == 24
    assert int(model.optimizer.iterations) == 24
    assert sums["steps"] == pytest.approx(24 * (10 + 4 / 3))
    products = 2 * 2 * 5 * 10 * 3  # forwards, and the derivative by the weights
    assert products <= sums["operations"] / sums["steps"] <= 2 * products
    assert 10 <= sums["kernels"] / sums["steps"] <= 100
    assert 0 < sums["spent"] and 0 < sums["here"] and sums["loops"] == 0
    before = dict(sums)
    model.fit(x, y, batch_size=5, epochs=2, verbose=0)  # compiled before: what it costs is remembered
    assert sums["steps"] - before["steps"] == 20
    assert sums["operations"] / sums["steps"] == pytest.approx(before["operations"] / before["steps"])
    before = dict(sums)
    assert model.predict(x[:48], batch_size=16, verbose=0).shape == (48, 3)
    assert sums["steps"] - before["steps"] == 3
    assert 3 * 2 * 16 * 10 * 3 <= sums["operations"] - before["operations"] <= 3 * 2 * 16 * 10 * 3 * 1.2


def test_an_estimate_counts_batches_by_hand(t4):
    sums = t4.watch()
    model = keras.Sequential([keras.Input((10,)), keras.layers.Dense(3)])
    model.compile("sgd", "mse")
    losses = [model.train_on_batch(np.ones((5, 10)), np.zeros((5, 3))) for _ in range(40)]
    assert sums["steps"] == len(losses) == 40 and int(model.optimizer.iterations) == t4.EXECUTED
    assert 600 <= sums["operations"] / 40 <= 1200


def test_an_estimate_takes_the_seconds_of_a_loop_as_they_are(t4):
    sums = t4.watch()
    model = keras.Sequential([keras.Input((7, 2)), keras.layers.SimpleRNN(3)])
    model.compile("sgd", "mse", steps_per_execution=5)
    model.fit(np.zeros((40, 7, 2)), np.zeros((40, 3)), batch_size=2, epochs=1, verbose=0)
    assert sums["steps"] == 20 and sums["operations"] == sums["kernels"] == 0
    assert sums["loops"] == sums["here"] > 0


def test_seconds_on_a_t4_by_hand(t4):
    run = {"other": "30", "loops": "4", "kernels": "1e6", "operations": "6e12"}
    assert t4.on_t4(run) == pytest.approx(30 + 4 + 10 + 6)


def test_the_full_profile_fits_a_t4(t4):
    """By the estimate: ten minutes, and 12 GB of the host; each notebook says its own."""
    estimated = {run["notebook"]: run for run in t4.recorded(t4.RECORD)}
    for path in set((ROOT / "notebooks").glob("*.ipynb")) - {ROOT / "notebooks" / "00_symbols.ipynb"}:
        opening = nbformat.read(path, as_version=4).cells[0].source
        said = re.search(r" on 2 cores; the full profile on a T4: about (\d+) minutes?, estimated\.", opening)
        run = estimated[path.stem]
        assert int(said[1]) == t4.minutes(run) <= 10, path.stem
        assert int(run["megabytes"]) <= 12_000, path.stem


def test_the_figures_of_the_full_profile_are_claims(monkeypatch):
    for folder in ("benchmarks", "tools"):
        monkeypatch.syspath_prepend(str(ROOT / folder))
    full = importlib.import_module("full")
    for number, name in full.FIGURES.items():
        (path,) = (ROOT / "notebooks").glob(f"{number}_*.ipynb")
        assert name in [claim.name for claim in full.measurements(nbformat.read(path, as_version=4))], (number, name)


def test_notebook_09_draws_the_errors_that_were_measured():
    results = (ROOT / "benchmarks" / "results.md").read_text(encoding="utf-8")
    section = next(text for text in results.split("\n## ") if text.startswith("LeNet-5 on MNIST"))
    measured = dict(re.findall(r"^\| ([^|]+?) \|.*\| \*\*([\d.]+)\*\* \|", section, re.M))
    assert len(measured) == 7
    notebook = nbformat.read(ROOT / "notebooks" / "09_lenet5.ipynb", as_version=4)
    cell = next(cell.source for cell in notebook.cells if "published = {" in cell.source)
    assert dict(re.findall(r'"([^"]+)": ([\d.]+)', cell.split("}")[0])) == measured


def test_the_readme_quotes_what_was_measured():
    """Row by row: each decimal figure of the course stands in bold in the benchmark's own section."""
    sections = (ROOT / "benchmarks" / "results.md").read_text(encoding="utf-8").split("\n## ")
    table = re.findall(r"^\| ([^|]+) \| ([^|]+) \| [^|]+ \|$", (ROOT / "README.md").read_text(encoding="utf-8"), re.M)
    quoted = {name: re.findall(r"\d+\.\d+", figures) for name, figures in table}
    for row, title in [
        ("LeNet-5 on MNIST, test error", "LeNet-5 on MNIST: test error (%)"),
        ("dropout on MNIST, three layers of 1,024 ReLUs, test error", "Dropout on MNIST: test error (%)"),
        ("VAE on binarised MNIST, NLL in nats", "VAE on binarised MNIST: nats per test image"),
        ("InfoGAN on MNIST, error of c1", "InfoGAN on MNIST: error of c1 as a classifier (%)"),
        (
            "InfoGAN on MNIST, real images read alike",
            "InfoGAN on MNIST: error of c1 as a classifier that reads real images alike (%)",
        ),
        ("a GAN's training step", "A GAN's training step"),
    ]:
        section = next(text for text in sections if text.startswith(title))
        assert quoted[row] and set(quoted[row]) <= set(re.findall(r"\*\*([\d.]+)\*\*", section)), row


@pytest.mark.parametrize("path", sorted((ROOT / "benchmarks").glob("*.py")), ids=lambda path: path.stem)
def test_what_a_benchmark_imports_is_there(path):
    """Benchmarks run for hours and by hand: a name that moved must be noticed before."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module.startswith("coursekit"):
            module = importlib.import_module(node.module)
            for alias in node.names:
                assert hasattr(module, alias.name) or importlib.util.find_spec(f"{node.module}.{alias.name}")

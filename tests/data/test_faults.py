"""Faults while data are prepared: the data arrive, or one error says where and what to do; nothing is deleted."""

import errno
import functools
import hashlib
import http.server
import os
import signal
import subprocess
import sys
import threading

import numpy as np
import pytest
import requests
import tensorflow as tf
import tensorflow_datasets as tfds
from tensorflow_datasets.core.download.checksums import UrlInfo

from coursekit import data
from coursekit.data import digits, network, pets

SETS = {
    "stroke_digits": {
        "load": functools.partial(data.load_digits, "test", source="stroke_digits"),
        "draw": lambda: data.draw_digits(20, split="test")[:2],
        "child": "from coursekit.data import builders, digits, load_digits\n"
        "digits.QUICK_SIZES = {'train': 1200, 'test': 20}\n"
        "draw, name = builders.draw_chunk, 'draw_chunk'\n"
        "load = lambda: load_digits('test', source='stroke_digits')",
    },
    "drawn_pets": {
        "load": functools.partial(data.load_pets, "test", image_size=160, source="drawn_pets"),
        "draw": lambda: data.draw_pets(6, split="test")[:2],
        "child": "from coursekit.data import builders, load_pets, pets\n"
        "pets.DRAWN_SIZES = {'train': 9, 'test': 6}\n"
        "draw, name = builders.draw_pet, 'draw_pet'\n"
        "load = lambda: load_pets('test', image_size=160, source='drawn_pets')",
    },
}
each_set = pytest.mark.parametrize("name", SETS)


@pytest.fixture
def place(empty_place, monkeypatch):
    """An empty place to prepare small sets in, but for a file of the user's, and no network."""
    monkeypatch.setattr(digits, "QUICK_SIZES", {"train": 1200, "test": 20})
    monkeypatch.setattr(pets, "DRAWN_SIZES", {"train": 9, "test": 6})
    empty_place.mkdir()
    (empty_place / "thesis.txt").write_text("mine", encoding="utf-8")
    yield empty_place
    assert (empty_place / "thesis.txt").read_text(encoding="utf-8") == "mine"


def assert_arrived(name):
    """What is loaded now is what would be drawn."""
    images, labels = SETS[name]["load"]()[:2]
    drawn, drawn_labels = SETS[name]["draw"]()
    assert np.abs(images * 255 - drawn).mean() < 4  # those of the pets are JPEG
    np.testing.assert_array_equal(labels, drawn_labels)


def child(name, place, code):
    """A process with the set's `draw`, by which the builder draws, and `load`."""
    environment = os.environ | {"TFDS_DATA_DIR": str(place), "COURSEKIT_PROFILE": "quick"}
    command = [sys.executable, "-c", f"{SETS[name]['child']}\n{code}"]
    return subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, encoding="utf-8"
    )


KILLED = """
import os, signal
calls = []
def kill(*arguments):
    calls.append(arguments)
    if len(calls) == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return draw(*arguments)
setattr(builders, name, kill)
load()
"""


@each_set
def test_a_kernel_that_is_killed_while_it_draws(name, place):
    process = child(name, place, KILLED)
    said = process.communicate()
    assert process.returncode == -signal.SIGKILL, said
    (left,) = (place / name).glob("*/incomplete.*")
    assert_arrived(name)
    assert left.exists() and len(list((place / name).glob("*/1.0.0"))) == 1


TOGETHER = """
import os, sys, time
from pathlib import Path
def meet(*arguments):
    setattr(builders, name, draw)
    Path(os.environ["TFDS_DATA_DIR"], f"drawing-{os.getpid()}").touch()
    for _ in range(1200):
        if len(list(Path(os.environ["TFDS_DATA_DIR"]).glob("drawing-*"))) == 2:
            return draw(*arguments)
        time.sleep(0.1)
    sys.exit("the other one has not come")
setattr(builders, name, meet)
print(load()[0].sum())
"""


def test_two_processes_draw_pets_at_once(place):
    """Each has begun before the other ends; of the digits see test_digits.py."""
    processes = [child("drawn_pets", place, TOGETHER) for _ in range(2)]
    said = [process.communicate() for process in processes]
    assert [process.returncode for process in processes] == [0, 0] and said[0][0] == said[1][0], said
    assert_arrived("drawn_pets")
    assert len(list((place / "drawn_pets").glob("*/*"))) == 1


# ---------------------------------------------------------------- a full disk

ADVICE = "The disk is full: make room there, or set TFDS_DATA_DIR to a folder on another one."


@each_set
@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, "No space left on device"),
        OSError(errno.EDQUOT, "Disk quota exceeded"),
        tf.errors.ResourceExhaustedError(None, None, "drawn.tfrecord; No space left on device"),
        OSError("Not enough disk space. Needed: 1 GiB"),  # TFDS, before it begins
    ],
    ids=["disk", "quota", "tensorflow", "tfds"],
)
def test_a_disk_that_is_full(name, error, place, monkeypatch):
    """The writer raises; once there is room the data arrive."""

    def full(*arguments):
        raise error

    with monkeypatch.context() as broken:
        broken.setattr(tf.io.TFRecordWriter, "write", full)
        with pytest.raises(data.DataError) as caught:
            SETS[name]["load"]()
    message = str(caught.value)
    assert message.startswith(f"{name} could not be drawn into {place}: ") and message.endswith(f". {ADVICE}")
    assert "\n" not in message
    assert_arrived(name)


@pytest.fixture
def small_disk(place):
    """The place is a disk of 128 KB."""
    if not hasattr(os, "geteuid") or os.geteuid():
        pytest.skip("only root may mount a small disk")
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=128k", "tmpfs", str(place)], capture_output=True)
    if mounted.returncode:
        pytest.skip(f"a small disk cannot be mounted here: {mounted.stderr.decode().strip()}")
    yield place
    subprocess.run(["umount", str(place)], check=True)


@each_set
def test_a_disk_that_is_really_full(name, small_disk):
    """Nothing half done is left on it, and once there is room the data arrive."""
    with pytest.raises(data.DataError) as caught:
        SETS[name]["load"]()
    message = str(caught.value)
    assert message.startswith(f"{name} could not be drawn into {small_disk}: ") and message.endswith(f". {ADVICE}")
    assert not [path for path in small_disk.rglob("*") if path.is_file()]
    subprocess.run(["mount", "-o", "remount,size=16m", str(small_disk)], check=True)
    assert_arrived(name)


# ---------------------------------------------------------------- a damaged download

CONTENT = b"twenty digits" * 100


class Host(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", str(len(CONTENT)))
        self.end_headers()
        self.wfile.write(self.server.content)

    def log_message(self, *arguments):
        pass


@pytest.fixture
def host(place, monkeypatch):
    """A host from which TFDS gets an MNIST of 20 and 20 images, whose checksum it knows."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Host)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}/mnist"
    published = UrlInfo(size=len(CONTENT), checksum=hashlib.sha256(CONTENT).hexdigest(), filename="mnist")

    with tfds.core.registered.skip_registration():

        class Tiny(tfds.core.GeneratorBasedBuilder):
            name = "mnist"
            VERSION = tfds.core.Version("3.0.1")
            url_infos = {url: published}

            def _info(self):
                image, label = tfds.features.Image(shape=(28, 28, 1)), tfds.features.ClassLabel(num_classes=10)
                features = tfds.features.FeaturesDict({"image": image, "label": label})
                return tfds.core.DatasetInfo(builder=self, features=features, supervised_keys=("image", "label"))

            def _split_generators(self, dl_manager):
                assert dl_manager.download(url).read_bytes() == CONTENT
                return {split: self._generate_examples() for split in ("train", "test")}

            def _generate_examples(self):
                for key in range(20):
                    yield key, {"image": np.full((28, 28, 1), key, "uint8"), "label": key % 10}

    monkeypatch.setattr(tfds, "builder", lambda name, data_dir: Tiny(data_dir=data_dir))
    monkeypatch.setattr(network, "trouble", lambda address: "")
    yield server
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("content", [b"other digits!" * 100, CONTENT[:-1] + b"?"], ids=["another file", "one byte"])
def test_a_download_whose_checksum_is_wrong(content, host, place, capsys):
    host.content = content
    with pytest.raises(data.DataError) as caught:
        data.load_digits("test", 20, source="mnist")
    message = str(caught.value)
    assert message.startswith(f"MNIST could not be downloaded to {place}: Artifact http://127.0.0.1")
    assert message.endswith("has wrong checksum. Try again, or set COURSEKIT_DIGITS=stroke_digits.")
    assert "\n" not in message
    data.load_digits("test", 20)
    words = "digits: stroke_digits (the download of MNIST failed: a file came damaged) · test 20\n"
    assert capsys.readouterr().out.endswith(words)  # after what TFDS prints
    damaged = [path for path in (place / "downloads").rglob("*") if path.is_file()]
    assert content in [path.read_bytes() for path in damaged]

    host.content = CONTENT  # the next start
    labels = data.load_digits("test", 20, source="mnist")[1]
    assert sorted(labels) == sorted(2 * list(range(10)))
    assert all(path.exists() for path in damaged)


def test_two_notebooks_download_at_once(host, place, monkeypatch):
    """Each has asked for the file before either gets it."""
    # two threads in `patient` may put back each other's `send`; pytest puts back the true one
    monkeypatch.setattr("requests.adapters.HTTPAdapter.send", requests.adapters.HTTPAdapter.send)
    host.content, both = CONTENT, threading.Barrier(2, timeout=60)
    answer = Host.do_GET

    def meet(handler):
        both.wait()
        answer(handler)

    host.RequestHandlerClass = type("Together", (Host,), {"do_GET": meet})
    labels, failures = [], []

    def load():
        try:
            labels.append(data.load_digits("test", 20, source="mnist")[1])
        except Exception as error:
            failures.append(error)

    notebooks = [threading.Thread(target=load) for _ in range(2)]
    for notebook in notebooks:
        notebook.start()
    for notebook in notebooks:
        notebook.join()
    assert not failures and len(labels) == 2
    assert all(sorted(found) == sorted(2 * list(range(10))) for found in labels)
    assert len(list((place / "mnist").glob("*"))) == 1  # nothing half done beside it

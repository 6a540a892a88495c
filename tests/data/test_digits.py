"""Loading digits: both sources alike, and a clear word in every trouble."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest

from coursekit import data
from coursekit.data import digits as module
from coursekit.data import folders, network


@pytest.fixture
def elsewhere(empty_place, monkeypatch):
    """An empty place to prepare data in, no network, and small sets."""
    monkeypatch.setattr(module, "QUICK_SIZES", {"train": 40, "test": 20})
    return empty_place


def copy(prepared, folder):
    """A copy that may be written to, whatever the permissions of the original."""
    shutil.copytree(prepared, folder, copy_function=shutil.copyfile)
    folder.chmod(0o755)
    return folder


@pytest.fixture(scope="module")
def stroke_digits():
    return data.load_digits("test", 300, source="stroke_digits", factors=True)


def test_arrays_of_stroke_digits_equal_the_drawing(stroke_digits):
    images, labels, factors = stroke_digits
    drawn, drawn_labels, drawn_factors = data.draw_digits(300, split="test")
    np.testing.assert_array_equal(np.round(images * 255).astype(np.uint8), drawn)
    np.testing.assert_array_equal(labels, drawn_labels)
    for name in factors:
        np.testing.assert_array_equal(factors[name], drawn_factors[name])


def test_both_sources_look_alike(stroke_digits, prepared_mnist, monkeypatch):
    monkeypatch.setenv("TFDS_DATA_DIR", str(prepared_mnist.parents[1]))
    for images, labels in (stroke_digits[:2], data.load_digits("test", 300, source="mnist")):
        assert images.shape == (300, 28, 28, 1) and images.dtype == np.float32
        assert labels.shape == (300,) and labels.dtype == np.int64
        assert images.min() == 0 and 0.99 < images.max() <= 1
        assert set(np.unique(labels)) == set(range(10))
        ink = [images[labels == digit].mean() for digit in range(10)]
        assert np.argmin(ink) == 1  # labels and images belong together


def test_default_sizes_of_the_profiles(prepared_mnist, monkeypatch, capsys):
    monkeypatch.setenv("TFDS_DATA_DIR", str(prepared_mnist.parents[1]))
    for profile, sizes in (("quick", (20_000, 4_000)), ("full", (60_000, 10_000))):
        monkeypatch.setenv("COURSEKIT_PROFILE", profile)
        assert tuple(len(data.load_digits(split, source="mnist")[1]) for split in ("train", "test")) == sizes
    line = "digits: MNIST (prepared in TFDS_DATA_DIR) · "
    assert capsys.readouterr().out.splitlines() == [
        line + "train 20,000",
        line + "test 4,000",
        line + "train 60,000",
        line + "test 10,000",
    ]


def test_mnist_is_the_real_one(prepared_mnist, monkeypatch):
    """The class counts and the first labels that LeCun, Cortes and Burges published."""
    monkeypatch.setenv("TFDS_DATA_DIR", str(prepared_mnist.parents[1]))
    monkeypatch.setenv("COURSEKIT_PROFILE", "full")
    _, labels = data.load_digits("train", source="mnist")
    assert np.bincount(labels).tolist() == [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    _, labels = data.load_digits("test", source="mnist")
    assert np.bincount(labels).tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]


def test_streams_hold_the_same_digits(stroke_digits):
    batches = list(data.stream_digits("test", 128, 300, source="stroke_digits"))
    assert [len(labels) for _, labels in batches] == [128, 128, 44]
    np.testing.assert_allclose(np.concatenate([images for images, _ in batches]), stroke_digits[0], atol=1e-7)
    shuffled = np.concatenate(
        [labels for _, labels in data.stream_digits("test", 128, 300, source="stroke_digits", seed=3)]
    )
    assert sorted(shuffled) == sorted(stroke_digits[1]) and list(shuffled) != list(stroke_digits[1])


def test_streams_keep_nothing_in_memory(stroke_digits, monkeypatch):
    """TFDS would put a cache into the pipeline of a small set."""
    import tensorflow as tf

    def refuse(*arguments, **options):
        raise AssertionError("a cache in the pipeline")

    monkeypatch.setattr(tf.data.Dataset, "cache", refuse)
    assert len(list(data.stream_digits("test", 100, 300, source="stroke_digits"))) == 3


def test_a_stream_is_shuffled_as_its_seed_says(stroke_digits):
    once, again, other = (
        np.concatenate(
            [labels for _, labels in data.stream_digits("test", 128, 300, source="stroke_digits", seed=seed)]
        )
        for seed in (3, 3, 4)
    )
    np.testing.assert_array_equal(once, again)
    assert list(once) != list(other)


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({"split": "validation"}, ValueError, "split must be one of train, test; got 'validation'"),
        ({"size": -5}, ValueError, "size must be an integer >= 1; got -5"),
        ({"size": 0}, ValueError, "size must be an integer >= 1; got 0"),
        ({"size": 2.5}, TypeError, "size must be an integer .*; got 2.5"),
        ({"size": True}, TypeError, "size must be an integer .*; got True"),
        ({"size": "5"}, TypeError, "size must be an integer .*; got '5'"),
        ({"split": None}, ValueError, "split must be one of train, test; got None"),
        ({"source": "letters"}, ValueError, "source must be one of auto, mnist, stroke_digits; got 'letters'"),
        ({"source": ""}, ValueError, "source must be one of auto, mnist, stroke_digits; got ''"),
    ],
)
def test_bad_arguments(arguments, error, words):
    with pytest.raises(error, match=words.replace("(", r"\(")):
        data.load_digits(**({"source": "stroke_digits"} | arguments))


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({"batch_size": 0}, ValueError, "batch_size must be an integer >= 1; got 0"),
        ({"batch_size": 2.0}, TypeError, "batch_size must be an integer .*; got 2.0"),
        ({"batch_size": 8, "seed": -1}, ValueError, "seed must be an integer >= 0; got -1"),
        ({"batch_size": 8, "size": 0}, ValueError, "size must be an integer >= 1; got 0"),
    ],
)
def test_bad_arguments_of_a_stream(arguments, error, words):
    with pytest.raises(error, match=words):
        data.stream_digits("test", source="stroke_digits", **arguments)


def test_bad_environment(monkeypatch):
    monkeypatch.setenv("COURSEKIT_DIGITS", "letters")
    with pytest.raises(ValueError, match="COURSEKIT_DIGITS must be one of .* got 'letters'"):
        data.load_digits()


def test_what_mnist_cannot_give(prepared_mnist, monkeypatch):
    monkeypatch.setenv("TFDS_DATA_DIR", str(prepared_mnist.parents[1]))
    with pytest.raises(ValueError, match="factors"):
        data.load_digits(source="mnist", factors=True)
    with pytest.raises(ValueError, match="at most 10,000"):
        data.load_digits("test", 10_001, source="mnist")


def test_any_size_of_stroke_digits(elsewhere, capsys, monkeypatch):
    monkeypatch.setattr(module, "FULL_SIZES", {"train": 60, "test": 30})
    for size in (75, 30, 20):
        np.testing.assert_array_equal(data.load_digits("test", size)[1], data.draw_digits(size, split="test")[1])
    assert len(data.load_digits("train", 60)[1]) == 60
    words = "digits: stroke_digits (MNIST is not prepared, and there is no internet connection) · "
    assert capsys.readouterr().out.splitlines() == [
        words + "test 75",
        words + "test 30",
        words + "test 20",
        words + "train 60",
    ]
    assert {folder.name for folder in (elsewhere / "stroke_digits").iterdir()} == {
        "train60_test75_seed0",
        "train60_test30_seed0",
        "train40_test20_seed0",
    }  # the usual sizes come in pairs


def test_a_set_of_several_chunks_is_drawn_in_order(elsewhere, monkeypatch):
    monkeypatch.setattr(module, "QUICK_SIZES", {"train": 1100, "test": 20})
    images, labels = data.load_digits("train", 1100)
    drawn, drawn_labels, _ = data.draw_digits(1100)
    np.testing.assert_array_equal(np.round(images * 255).astype(np.uint8), drawn)
    np.testing.assert_array_equal(labels, drawn_labels)


def test_the_source_loads_nothing_and_makes_no_folder(elsewhere, monkeypatch):
    source = data.digits_source()
    assert (source.name, source.data_dir) == ("stroke_digits", elsewhere) and not elsewhere.exists()
    program = (
        "import sys\nfrom coursekit import data\ndata.digits_source('stroke_digits')\n"
        "print(sorted({'tensorflow', 'tensorflow_datasets', 'keras'} & set(sys.modules)))"
    )
    answer = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, cwd=Path(__file__).parents[2]
    )
    assert (answer.stdout, answer.stderr) == ("[]\n", "")


def test_mnist_without_a_network(elsewhere):
    with pytest.raises(data.DataError, match="cannot be downloaded: there is no internet connection"):
        data.load_digits(source="mnist")


def test_a_refused_download(elsewhere, monkeypatch, capsys):
    """The network answers, TFDS does not get the files."""
    import tensorflow_datasets as tfds

    class Refusing:
        def download_and_prepare(self):
            raise ConnectionError("403 Forbidden")

    monkeypatch.setattr(network, "trouble", lambda address: "")
    monkeypatch.setattr(tfds, "builder", lambda *arguments, **options: Refusing())
    data.load_digits("test", 20)
    assert "stroke_digits (the download of MNIST failed: ConnectionError) · test 20" in capsys.readouterr().out
    with pytest.raises(data.DataError, match="could not be downloaded.*403 Forbidden"):
        data.load_digits("test", 20, source="mnist")


def damage_info(folder):
    (folder / "dataset_info.json").unlink()


def damage_json(folder):
    (folder / "dataset_info.json").write_text('{"name": "mnist", "spl', encoding="utf-8")


def damage_features(folder):
    (folder / "features.json").unlink()


def damage_features_json(folder):
    (folder / "features.json").write_text("", encoding="utf-8")


def lose_a_file(folder):
    next(folder.glob("*-test.tfrecord*")).unlink()


def cut_a_file(folder):
    file = next(folder.glob("*-train.tfrecord*"))
    file.write_bytes(file.read_bytes()[:-1000])


def empty_a_file(folder):
    next(folder.glob("*-train.tfrecord*")).write_bytes(b"")


def zero_the_rest_of_a_file(folder):
    file = next(folder.glob("*-test.tfrecord*"))
    size = file.stat().st_size
    os.truncate(file, size // 2)
    os.truncate(file, size)  # as long as before


def lose_everything(folder):
    shutil.rmtree(folder)
    folder.mkdir()


def lose_a_split(folder):
    info = json.loads((folder / "dataset_info.json").read_text(encoding="utf-8"))
    info["splits"] = [split for split in info["splits"] if split["name"] == "train"]
    (folder / "dataset_info.json").write_text(json.dumps(info), encoding="utf-8")


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (damage_info, "dataset_info.json is missing"),
        (damage_json, "dataset_info.json cannot be read"),
        (damage_features, "features.json is missing"),
        (damage_features_json, "features.json cannot be read"),
        (lose_a_file, "mnist-test.tfrecord-00000-of-00001 is missing"),
        (cut_a_file, "mnist-train.tfrecord-00000-of-00001 is cut short or damaged"),
        (empty_a_file, "mnist-train.tfrecord-00000-of-00001 is cut short or damaged"),
        (zero_the_rest_of_a_file, "mnist-test.tfrecord-00000-of-00001 is cut short or damaged"),
        (lose_everything, "features.json is missing"),
        (lose_a_split, "a split is missing"),
    ],
)
def test_a_half_written_folder_is_named_and_kept(elsewhere, prepared_mnist, damage, words, capsys):
    folder = copy(prepared_mnist, elsewhere / "mnist" / "3.0.1")
    assert data.digits_source().name == "MNIST"
    damage(folder)
    before = {file.name: file.stat().st_size for file in folder.iterdir()}

    data.load_digits("test", 20)  # says so and goes on
    out = capsys.readouterr().out
    assert f"stroke_digits (mnist/3.0.1 in data/ is broken and was left untouched: {words}" in out
    assert str(elsewhere) not in out
    with pytest.raises(data.DataError, match="3.0.1 in data/ is broken") as caught:  # asked for: stops
        data.load_digits("test", 20, source="mnist")
    assert str(folder) in str(caught.value) and words in str(caught.value)
    assert {file.name: file.stat().st_size for file in folder.iterdir()} == before


def test_damage_that_keeps_the_size_is_found_while_reading(elsewhere, prepared_mnist):
    folder = copy(prepared_mnist, elsewhere / "mnist" / "3.0.1")
    file = next(folder.glob("*-test.tfrecord*"))
    content = bytearray(file.read_bytes())
    content[500:600] = bytes(100)
    file.write_bytes(content)
    for load in (data.load_digits, lambda split, size, source: data.stream_digits(split, 10, size, source=source)):
        with pytest.raises(data.DataError, match="damaged and was left untouched"):
            load("test", 100, source="mnist")
    assert file.read_bytes() == content


def test_a_half_written_drawing_is_named_and_kept(elsewhere):
    data.load_digits("test", 20)
    [folder] = (elsewhere / "stroke_digits").glob("*/*")
    cut_a_file(folder)
    with pytest.raises(data.DataError, match="is broken") as caught:
        data.load_digits("test", 20)
    assert str(folder) in str(caught.value) and folder.exists()


def test_an_unfinished_download_is_named_and_kept_and_may_start_afresh(elsewhere, monkeypatch, capsys):
    """TFDS leaves folders named incomplete.* when it is killed."""
    left = elsewhere / "mnist" / "incomplete.ABC_3.0.1"
    left.mkdir(parents=True)
    data.load_digits("test", 20)
    assert capsys.readouterr().out == (
        f"digits: stroke_digits (MNIST is not prepared, mnist/{left.name} in data/ is unfinished and was left "
        "untouched, and there is no internet connection) · test 20\n"
    )
    with pytest.raises(data.DataError, match="incomplete.ABC_3.0.1 in data/ is unfinished"):
        data.load_digits("test", 20, source="mnist")
    monkeypatch.setattr(network, "trouble", lambda address: "")
    assert data.digits_source().reason == "to be downloaded"
    assert left.exists()


def test_a_sound_copy_serves_beside_a_broken_one(prepared_mnist, elsewhere, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(folders, "places", lambda: [("TFDS_DATA_DIR", tmp_path / "first"), ("data/", elsewhere)])
    (tmp_path / "first" / "mnist" / "3.0.1").mkdir(parents=True)
    copy(prepared_mnist, elsewhere / "mnist" / "3.0.1")
    data.load_digits("test", 20, source="mnist")
    assert capsys.readouterr().out == (
        "digits: MNIST (prepared in data/; mnist/3.0.1 in TFDS_DATA_DIR is broken and was left untouched: "
        "features.json is missing) · test 20\n"
    )
    assert data.digits_source().data_dir == elsewhere


def test_a_read_only_folder_serves_mnist_and_is_not_written_to(
    prepared_mnist, elsewhere, tmp_path, monkeypatch, capsys
):
    frozen = tmp_path / "frozen"
    copy(prepared_mnist, frozen / "mnist" / "3.0.1")
    frozen.chmod(0o555)
    monkeypatch.setattr(folders, "places", lambda: [("TFDS_DATA_DIR", frozen), ("data/", elsewhere)])
    assert len(data.load_digits("test", 20, source="mnist")[1]) == 20
    assert len(data.load_digits("test", 20, source="stroke_digits")[1]) == 20
    assert capsys.readouterr().out.splitlines() == [
        "digits: MNIST (prepared in TFDS_DATA_DIR) · test 20",
        "digits: stroke_digits (as asked; kept in data/) · test 20",
    ]
    assert not (frozen / "stroke_digits").exists() and (elsewhere / "stroke_digits").exists()
    frozen.chmod(0o755)


def test_a_full_disk_is_a_data_error(elsewhere, monkeypatch):
    from coursekit.data import builders

    def fill(*arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(builders, "draw_chunk", fill)
    with pytest.raises(
        data.DataError, match="stroke_digits could not be drawn into .*No space left on device"
    ) as error:
        data.load_digits("test", 20, source="stroke_digits")
    assert str(elsewhere) in str(error.value)


@pytest.fixture
def as_somebody():
    """The rest of the test without root's right to read everything."""
    import tensorflow_datasets  # noqa: F401 (what is imported later may lie where only root reads)

    user = os.geteuid()
    if user == 0:
        os.seteuid(65534)
    yield
    os.seteuid(user)


@pytest.fixture
def public(elsewhere, monkeypatch):
    """A folder that everybody may enter, which pytest's own are not, to look for data in."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        place.chmod(0o755)
        (place / "data").mkdir(mode=0o777)
        (place / "data").chmod(0o777)
        monkeypatch.setattr(
            folders, "places", lambda: [("TFDS_DATA_DIR", place / "private" / "inner"), ("data/", place / "data")]
        )
        yield place


def test_a_folder_one_may_not_read(public, request):
    (public / "private" / "inner").mkdir(parents=True)
    (public / "private").chmod(0o000)
    request.getfixturevalue("as_somebody")
    assert data.digits_source("stroke_digits").data_dir == public / "data"
    source = data.digits_source()
    assert (source.name, source.reason) == ("stroke_digits", "mnist in TFDS_DATA_DIR cannot be read: Permission denied")
    with pytest.raises(data.DataError, match="mnist in TFDS_DATA_DIR cannot be read"):
        data.load_digits("test", 20, source="mnist")


def test_files_one_may_not_read(public, prepared_mnist, request):
    folder = copy(prepared_mnist, public / "data" / "mnist" / "3.0.1")
    (public / "data" / "mnist").chmod(0o755)
    file = next(folder.glob("*-test.tfrecord*"))
    file.chmod(0o000)
    closed = copy(prepared_mnist, public / "closed")
    closed.chmod(0o000)
    request.getfixturevalue("as_somebody")
    assert folders.fault(folder, ("train", "test")) == f"{file.name} cannot be read (PermissionError)"
    assert folders.fault(closed, ("train", "test")) == "features.json cannot be read (PermissionError)"


def test_no_home_folder(monkeypatch):
    monkeypatch.setattr(os.path, "expanduser", lambda path: path)  # what it does where there is none
    monkeypatch.setattr(folders, "__file__", "/somewhere/site-packages/coursekit/data/folders.py")
    monkeypatch.delenv("TFDS_DATA_DIR", raising=False)
    [(name, place)] = folders.places()
    assert name == "a temporary folder" and place.parent.exists()
    monkeypatch.setenv("TFDS_DATA_DIR", "~nobody-at-all/data")
    assert folders.places()[0] == ("TFDS_DATA_DIR", Path("~nobody-at-all/data"))


def test_nowhere_to_draw(tmp_path, monkeypatch):
    frozen = tmp_path / "frozen"
    frozen.mkdir(mode=0o555)
    monkeypatch.setattr(folders, "places", lambda: [("TFDS_DATA_DIR", frozen)])
    with pytest.raises(data.DataError, match="no data folder can be written to") as caught:
        data.load_digits("test", 20, source="stroke_digits")
    assert str(frozen) in str(caught.value) and not list(frozen.iterdir())


def test_drawing_in_a_notebook_shows_one_line(executed, tmp_path, monkeypatch):
    """In a kernel the progress bars of TFDS are widgets, which are no text output."""
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path))
    [cell] = executed(
        "from coursekit.data import digits\n"
        "digits.QUICK_SIZES = {'train': 1100, 'test': 50}\n"
        "images, labels = digits.load_digits('test', source='stroke_digits')"
    )
    [output] = cell.outputs
    assert (output.name, output.text) == ("stdout", "digits: stroke_digits (as asked) · test 50\n")
    assert len(list((tmp_path / "stroke_digits").glob("*/*"))) == 1


def test_two_processes_draw_at_the_same_time(tmp_path):
    program = (
        "from coursekit.data import digits\n"
        "digits.QUICK_SIZES = {'train': 1100, 'test': 50}\n"  # a size that nobody has prepared
        "print(digits.load_digits('test', 50, source='stroke_digits')[1].sum())"
    )
    environment = os.environ | {"TFDS_DATA_DIR": str(tmp_path), "COURSEKIT_PROFILE": "quick"}
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", program],
            env=environment,
            text=True,
            cwd=Path(__file__).parents[2],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        for _ in range(2)
    ]
    answers = [process.communicate() for process in processes]
    assert [process.returncode for process in processes] == [0, 0], answers
    assert answers[0][0] == answers[1][0]
    assert answers[0][0].splitlines()[0] == "digits: stroke_digits (as asked) · test 50"
    assert len(answers[0][0].splitlines()) == 2 and not answers[0][1]
    assert len(list((tmp_path / "stroke_digits").glob("*/*"))) == 1  # nothing left half-written

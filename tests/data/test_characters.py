"""Characters: the real ones as TFDS holds them, both sources alike, and a clear word in every trouble."""

import configparser
import os
import re
import runpy
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from coursekit import data
from coursekit.data import characters as module
from coursekit.data import folders, network, pets


@pytest.fixture(scope="module")
def omniglot():
    """The folder of a prepared Omniglot with its small splits; the test is skipped where there is none."""
    root = Path(__file__).parents[2]
    places = [os.environ.get("TFDS_DATA_DIR"), root.parent / "shared" / "tensorflow_datasets", root / "data"]
    for place in filter(None, places):
        if (Path(place) / "omniglot" / "3.0.0" / "omniglot-small1.tfrecord-00000-of-00001").exists():
            return Path(place) / "omniglot" / "3.0.0"
    pytest.skip("Omniglot is not prepared on this machine")


@pytest.fixture
def real(omniglot, monkeypatch):
    """The real characters are there, in the quick profile."""
    monkeypatch.setenv("TFDS_DATA_DIR", str(omniglot.parents[1]))
    monkeypatch.delenv("COURSEKIT_CHARACTERS", raising=False)
    return omniglot


@pytest.fixture
def elsewhere(empty_place, monkeypatch):
    """An empty place to prepare data in, no network, and small sets."""
    sizes = {"train_size": 9, "train_alphabets": 2, "test_size": 6, "test_alphabets": 3}
    monkeypatch.setattr(module, "DRAWN", {"quick": sizes, "full": sizes})
    monkeypatch.delenv("COURSEKIT_CHARACTERS", raising=False)
    return empty_place


@pytest.fixture(scope="module")
def drawn_place(tmp_path_factory):
    return tmp_path_factory.mktemp("drawn")


@pytest.fixture
def drawn(drawn_place, monkeypatch):
    """A place where the drawn characters are prepared, by the first test that asks."""
    monkeypatch.setattr(folders, "places", lambda: [("data/", drawn_place)])
    monkeypatch.setenv("COURSEKIT_CHARACTERS", "stroke_characters")


@pytest.fixture
def refusing(monkeypatch):
    """The network answers, TFDS does not get the files."""
    import tensorflow_datasets as tfds

    class Refusing:
        def __init__(self, *arguments, **options):
            pass

        def download_and_prepare(self):
            raise ConnectionError("403 Forbidden")

    monkeypatch.setattr(network, "trouble", lambda address: "")
    monkeypatch.setattr(tfds, "builder", Refusing)


def test_real_characters_are_those_of_tfds(real):
    """The pixels, by Pillow, and which character and alphabet they are of."""
    import tensorflow_datasets as tfds

    builder = tfds.builder_from_directory(real)
    records = list(tfds.as_numpy(builder.as_dataset(split="small1").take(40)))
    characters = data.load_characters(source="omniglot")
    kinds = sorted({int(record["label"]) for record in tfds.as_numpy(builder.as_dataset(split="small1"))})
    for record in records:
        label = kinds.index(record["label"])
        shrunk = Image.fromarray(255 - record["image"][..., 0]).resize((28, 28), Image.Resampling.BILINEAR)
        distances = np.abs(characters.images[..., 0] - np.asarray(shrunk) / 255).mean(axis=(1, 2))
        assert distances.min() < 0.003 and characters.labels[distances.argmin()] == label
        name = builder.info.features["alphabet"].int2str(record["alphabet"]).replace("_", " ")
        assert characters.names[characters.alphabets[distances.argmin()]] == name


def test_real_splits_share_no_alphabet_and_no_image(real, capsys):
    """small1 and small2 of TFDS both hold the same Greek and Latin."""
    train, test = data.load_characters(), data.load_characters("test")
    assert train.names == ("Balinese", "Early Aramaic", "Greek", "Korean", "Latin")
    assert test.names == ("Japanese (katakana)", "Sanskrit", "Tagalog")
    assert not {image.tobytes() for image in train.images} & {image.tobytes() for image in test.images}
    assert capsys.readouterr().out.splitlines() == [
        "characters: Omniglot (prepared in TFDS_DATA_DIR) · train 136 of 5 alphabets",
        "characters: Omniglot (prepared in TFDS_DATA_DIR) · test 106 of 3 alphabets",
    ]


@pytest.mark.parametrize("source", ["omniglot", "stroke_characters"])
@pytest.mark.parametrize(("split", "classes", "names"), [("train", 136, 5), ("test", 106, 3)])
def test_both_sources_look_alike(source, split, classes, names, request):
    request.getfixturevalue("real" if source == "omniglot" else "drawn")
    characters = data.load_characters(split, source=source)
    images, labels, alphabets, called = characters
    assert images.shape == (20 * classes, 28, 28, 1) and images.dtype == np.float32
    assert images.min() == 0 and 0.9 < images.max() <= 1 and 0.02 < images.mean() < 0.2
    assert labels.dtype == alphabets.dtype == np.int64
    np.testing.assert_array_equal(labels, np.repeat(np.arange(classes), 20))
    assert len(called) == names and {*alphabets.tolist()} == set(range(names))
    assert len({(label, alphabet) for label, alphabet in zip(labels, alphabets)}) == classes


def test_drawn_characters_are_those_of_the_drawing(drawn):
    characters = data.load_characters("test")
    images, labels, alphabets, _ = data.draw_characters(106, alphabets=3, split="test")
    np.testing.assert_array_equal(np.round(characters.images * 255), images)
    np.testing.assert_array_equal(characters.labels, labels)
    np.testing.assert_array_equal(characters.alphabets, alphabets)
    assert characters.names == ("invented 1", "invented 2", "invented 3")


def test_the_builder_keeps_the_true_factors(drawn):
    characters_source = data.characters_source()
    data.load_characters("test")
    import tensorflow_datasets as tfds

    [folder] = (characters_source.data_dir / "stroke_characters").glob("*/*")
    columns = tfds.builder_from_directory(folder).as_dataset(split="test", batch_size=-1)
    for name, values in data.draw_characters(106, alphabets=3, split="test")[3].items():
        np.testing.assert_array_equal(columns[name].numpy(), values)


@pytest.mark.parametrize("size", [14, 56])
def test_other_sizes(size, drawn):
    usual, other = data.load_characters("test"), data.load_characters("test", image_size=size)
    assert other.images.shape == (2120, size, size, 1) and other.images.max() <= 1
    means = other.images.mean(axis=(1, 2, 3)), usual.images.mean(axis=(1, 2, 3))
    assert np.abs(means[0] - means[1]).max() < 0.02


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({"split": "validation"}, ValueError, "split must be one of train, test; got 'validation'"),
        ({"image_size": 7}, ValueError, "image_size must be an integer in 8 ... 105; got 7"),
        ({"image_size": 106}, ValueError, "image_size must be an integer in 8 ... 105; got 106"),
        ({"image_size": 28.0}, TypeError, "image_size must be an integer .*; got 28.0"),
        ({"source": "mnist"}, ValueError, "source must be one of auto, omniglot, stroke_characters; got 'mnist'"),
    ],
)
def test_bad_arguments(arguments, error, words, elsewhere):
    with pytest.raises(error, match=words):
        data.load_characters(**arguments)
    assert not elsewhere.exists()


def test_the_environment_chooses(elsewhere, monkeypatch):
    monkeypatch.setenv("COURSEKIT_CHARACTERS", "stroke_characters")
    source = data.characters_source()
    assert (source.name, source.reason, source.data_dir) == ("stroke_characters", "as asked", elsewhere)
    monkeypatch.setenv("COURSEKIT_CHARACTERS", "omniglot")
    with pytest.raises(data.DataError, match="cannot be downloaded: there is no internet connection"):
        data.characters_source()
    assert data.characters_source("stroke_characters").name == "stroke_characters"  # the argument goes first
    monkeypatch.setenv("COURSEKIT_CHARACTERS", "runes")
    words = "COURSEKIT_CHARACTERS must be one of auto, omniglot, stroke_characters; got 'runes'"
    with pytest.raises(ValueError, match=words):
        data.characters_source()


def test_without_a_network_they_are_drawn(elsewhere, capsys):
    assert len(data.load_characters().images) == 180 and len(data.load_characters("test").images) == 120
    assert capsys.readouterr().out.splitlines() == [
        "characters: stroke_characters (Omniglot is not prepared, and there is no internet connection) · train 9 of 2 alphabets",
        "characters: stroke_characters (Omniglot is not prepared, and there is no internet connection) · test 6 of 3 alphabets",
    ]
    assert [folder.name for folder in (elsewhere / "stroke_characters").iterdir()] == ["train9of2_test6of3_seed0"]


def test_preparing_everything_asks_each_set_for_sources_that_it_has(elsewhere, monkeypatch):
    """``python -m coursekit.data``; nothing is drawn here."""
    asked = []
    monkeypatch.setattr(data, "load_digits", lambda split, source: asked.append(data.digits_source(source).reason))
    monkeypatch.setattr(
        data, "load_characters", lambda split, source: asked.append(data.characters_source(source).reason)
    )
    monkeypatch.setattr(pets, "prepare_pets", lambda: asked.append("photographs"))
    runpy.run_module("coursekit.data", run_name="__main__")
    unprepared = [f"{name} is not prepared, and there is no internet connection" for name in ("MNIST", "Omniglot")]
    assert asked == [reason for auto in unprepared for reason in (auto, auto, "as asked", "as asked")] + ["photographs"]


def test_a_refused_download(elsewhere, refusing, capsys):
    """Asked for it stops; unasked, what failed is said."""
    with pytest.raises(data.DataError, match="Omniglot could not be downloaded.*403 Forbidden"):
        data.load_characters("test", source="omniglot")
    assert data.characters_source().reason == "to be downloaded"
    data.load_characters("test")
    assert capsys.readouterr().out == (
        "characters: stroke_characters (the download of Omniglot failed: ConnectionError) · test 6 of 3 alphabets\n"
    )


def test_tfds_knows_what_would_be_downloaded():
    assert re.fullmatch(r"https://.*\.zip", module._address())


def test_the_full_profile_asks_for_the_large_splits(real, monkeypatch):
    """A folder with the small splits alone lacks them; it is named and stays."""
    monkeypatch.setenv("COURSEKIT_PROFILE", "full")
    if any(real.glob("omniglot-train.tfrecord*")):
        pytest.skip("the whole of Omniglot is prepared on this machine")
    source = data.characters_source()
    assert source.name == "stroke_characters" and source.reason.endswith("left untouched: a split is missing")
    with pytest.raises(data.DataError, match="a split is missing"):
        data.characters_source("omniglot")


def test_broken_folders_are_named_and_kept(elsewhere):
    broken = elsewhere / "omniglot" / "3.0.0"
    broken.mkdir(parents=True)
    words = "omniglot/3.0.0 in data/ is broken and was left untouched: features.json is missing"
    assert (data.characters_source().name, data.characters_source().reason) == ("stroke_characters", words)
    data.load_characters("test")
    [folder] = (elsewhere / "stroke_characters").glob("*/*")
    file = next(folder.glob("*-train.tfrecord*"))
    file.write_bytes(file.read_bytes()[:-100])
    with pytest.raises(data.DataError, match="stroke_characters cannot be read.*the characters are drawn anew"):
        data.load_characters("test")
    assert file.exists() and broken.exists()


def test_the_notebook_check_masks_the_source_and_nothing_else():
    settings = configparser.ConfigParser()
    settings.read(Path(__file__).parents[1] / "notebooks" / "sanitize.cfg", encoding="utf-8")

    def masked(text):
        for section in settings.values():
            if "regex" in section:
                text = re.sub(section["regex"], section["replace"], text)
        return text

    lines = [
        "characters: Omniglot (prepared in TFDS_DATA_DIR) · train 136 of 5 alphabets",
        "characters: stroke_characters (Omniglot is not prepared, and there is no internet connection) · train 136 of 5 alphabets",
    ]
    assert {masked(line) for line in lines} == {"characters: SOURCE· train 136 of 5 alphabets"}


def test_the_source_loads_nothing(run_python, tmp_path):
    program = (
        "import sys\nfrom coursekit import data\ndata.characters_source('stroke_characters')\n"
        "print(sorted({'tensorflow', 'tensorflow_datasets', 'keras', 'scipy', 'sklearn'} & set(sys.modules)))"
    )
    answer = run_python(program, cwd=Path(__file__).parents[2], TFDS_DATA_DIR=str(tmp_path), COURSEKIT_CHARACTERS="")
    assert (answer.stdout, answer.stderr) == ("[]\n", "")

"""Photographs: the real ones as TFDS holds them, both sources alike, and a clear word in every trouble."""

import configparser
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from coursekit import data
from coursekit.data import network
from coursekit.data import pets as module

BREEDS = {0: "Abyssinian", 1: "american bulldog", 5: "Bengal"}


@pytest.fixture
def real(prepared_pets, monkeypatch):
    """The real photographs are there, in the quick profile."""
    monkeypatch.setenv("TFDS_DATA_DIR", str(prepared_pets.parents[1]))
    monkeypatch.delenv("COURSEKIT_PHOTOS", raising=False)
    return prepared_pets


@pytest.fixture
def elsewhere(empty_place, monkeypatch):
    """An empty place to prepare data in, no network, and small sets."""
    monkeypatch.setattr(module, "DRAWN_SIZES", {"train": 9, "test": 6})
    return empty_place


@pytest.fixture(scope="module")
def drawn_place(tmp_path_factory):
    return tmp_path_factory.mktemp("drawn")


@pytest.fixture
def drawn(drawn_place, monkeypatch):
    """A place where 60 and 30 drawn pictures are prepared, by the first test that asks."""
    monkeypatch.setenv("TFDS_DATA_DIR", str(drawn_place))
    monkeypatch.setenv("COURSEKIT_PHOTOS", "drawn_pets")
    monkeypatch.setattr(module, "DRAWN_SIZES", {"train": 60, "test": 30})


class Refusing:
    """A builder of TFDS that does not get its files."""

    def __init__(self, *arguments, **options):
        pass

    def download_and_prepare(self):
        raise ConnectionError("403 Forbidden")


@pytest.fixture
def refusing(monkeypatch):
    """The network answers, TFDS does not get the files."""
    import tensorflow_datasets as tfds

    monkeypatch.setattr(network, "trouble", lambda address: "")
    monkeypatch.setattr(tfds, "builder", Refusing)


def shrunk(picture, size, how):
    return np.asarray(Image.fromarray(picture).resize((size, size), how))


@pytest.mark.parametrize("split", ["train", "test"])
def test_real_photographs_are_those_of_tfds(real, split):
    """The order, the pixels, the boxes and the masks, by TFDS and Pillow."""
    import tensorflow_datasets as tfds

    photographs = data.load_pets(split, 24, image_size=96, source="pets")
    in_order = tfds.ReadConfig(interleave_cycle_length=1)
    records = tfds.builder_from_directory(real).as_dataset(split=split, read_config=in_order)
    records = [record for record in tfds.as_numpy(records.take(3000)) if record["label"] in BREEDS][:24]
    assert photographs.classes == tuple(BREEDS.values())
    for i, record in enumerate(records):
        assert photographs.labels[i] == list(BREEDS).index(record["label"])
        picture = shrunk(record["image"], 96, Image.Resampling.BILINEAR) / 255
        assert np.abs(photographs.images[i] - picture).mean() < 0.005
        trimap = record["segmentation_mask"][..., 0]
        assert abs(photographs.masks[i].mean() - np.mean(trimap != 2)) < 0.01
        assert np.mean(photographs.masks[i] == (shrunk(trimap, 96, Image.Resampling.NEAREST) != 2)) > 0.99
        if record["head_bbox"].any():
            height, width = trimap.shape
            y1, x1, y2, x2 = record["head_bbox"] * [height, width, height, width]  # pixels of the photograph
            expected = [x1 * 96 / width, y1 * 96 / height, x2 * 96 / width, y2 * 96 / height]
            np.testing.assert_allclose(photographs.boxes[i], expected, rtol=1e-5)
        else:
            assert np.isnan(photographs.boxes[i]).all()


def test_all_real_photographs(real, capsys):
    train, test = data.load_pets(image_size=32), data.load_pets("test", image_size=32)
    assert np.bincount(train.labels).tolist() == [100, 100, 100]
    assert np.bincount(test.labels).tolist() == [98, 100, 100]
    assert np.isnan(train.boxes).any(axis=1).sum() == 4 and np.isnan(test.boxes).all()
    assert {*train.labels[:9]} == {*test.labels[:9]} == {0, 1, 2}  # the breeds come mixed
    assert capsys.readouterr().out.splitlines() == [
        "photographs: Oxford-IIIT Pet (prepared in TFDS_DATA_DIR) · train 300",
        "photographs: Oxford-IIIT Pet (prepared in TFDS_DATA_DIR) · test 298",
    ]
    with pytest.raises(ValueError, match=r"size must be at most 298 for the test split of .*\(three breeds\); got 299"):
        data.load_pets("test", 299)


@pytest.mark.parametrize("source", ["pets", "drawn_pets"])
@pytest.mark.parametrize("split", ["train", "test"])
def test_both_sources_look_alike(source, split, request, monkeypatch):
    request.getfixturevalue("real" if source == "pets" else "drawn")
    photographs = data.load_pets(split, 30, image_size=64, source=source)
    images, labels, boxes, masks, classes = photographs
    assert images.shape == (30, 64, 64, 3) and images.dtype == np.float32
    assert images.min() < 0.05 and 0.9 < images.max() <= 1 and images.min() >= 0
    assert labels.shape == (30,) and labels.dtype == np.int64 and {*labels.tolist()} == {0, 1, 2}
    assert boxes.shape == (30, 4) and boxes.dtype == np.float32
    assert masks.shape == (30, 64, 64) and masks.dtype == np.uint8 and {*masks.ravel().tolist()} == {0, 1}
    assert 0.2 < masks.mean() < 0.6
    assert len(classes) == 3 and all(isinstance(name, str) and "_" not in name for name in classes)
    if split == "test":
        assert np.isnan(boxes).all()
    else:
        x1, y1, x2, y2 = boxes[~np.isnan(boxes).any(axis=1)].T
        assert len(x1) >= 25 and (x1 >= 0).all() and (y1 >= 0).all() and (x2 <= 64).all() and (y2 <= 64).all()
        assert (x2 - x1 > 3).all() and (y2 - y1 > 3).all()


def test_drawn_pictures_are_those_of_the_drawing(drawn):
    photographs = data.load_pets("train", 12, image_size=160)
    images, labels, boxes, masks = data.draw_pets(12)
    assert np.abs(photographs.images * 255 - images).mean() < 4  # JPEG
    np.testing.assert_array_equal(photographs.labels, labels)
    np.testing.assert_allclose(photographs.boxes, boxes, atol=1e-3)
    np.testing.assert_array_equal(photographs.masks, masks)
    half = data.load_pets("train", 12, image_size=80)
    np.testing.assert_allclose(half.boxes, boxes / 2, atol=1e-3)


@pytest.mark.parametrize("source", ["pets", "drawn_pets"])
def test_streams_hold_the_same_photographs(source, request):
    request.getfixturevalue("real" if source == "pets" else "drawn")
    photographs = data.load_pets("train", 20, image_size=48)
    batches = list(data.stream_pets("train", 8, 20, image_size=48).as_numpy_iterator())
    assert [len(batch["label"]) for batch in batches] == [8, 8, 4]
    for name, array in zip(("image", "label", "box", "mask"), photographs):
        streamed = np.concatenate([batch[name] for batch in batches])
        assert streamed.dtype == array.dtype
        np.testing.assert_array_equal(streamed, array)


def test_a_stream_is_shuffled_as_its_seed_says_and_anew_at_each_pass(drawn):
    def labels(seed):
        stream = data.stream_pets("train", 16, 60, image_size=32, seed=seed)
        return [np.concatenate([batch["label"] for batch in stream.as_numpy_iterator()]).tolist() for _ in range(2)]

    once, again, other = labels(3), labels(3), labels(4)
    assert once == again and once[0] != once[1] and once[0] != other[0]
    assert sorted(once[0]) == sorted(other[1])


def test_streams_keep_nothing_decoded_in_memory(drawn, monkeypatch):
    """No cache, which TFDS would put into the pipeline of a small set, and a shuffle buffer of JPEG."""
    import tensorflow as tf

    def refuse(*arguments, **options):
        raise AssertionError("a cache in the pipeline")

    shuffle, buffers = tf.data.Dataset.shuffle, []

    def watch(dataset, buffer_size, *arguments, **options):
        buffers.append(
            (buffer_size, dataset.element_spec["image"].dtype, dataset.element_spec["segmentation_mask"].dtype)
        )
        return shuffle(dataset, buffer_size, *arguments, **options)

    monkeypatch.setattr(tf.data.Dataset, "cache", refuse)
    monkeypatch.setattr(tf.data.Dataset, "shuffle", watch)
    assert len(list(data.stream_pets("train", 16, image_size=32, seed=0))) == 4
    assert buffers == [(512, tf.string, tf.string)]


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({"split": "validation"}, ValueError, "split must be one of train, test; got 'validation'"),
        ({"size": 0}, ValueError, "size must be an integer >= 1; got 0"),
        ({"size": 2.5}, TypeError, "size must be an integer .*; got 2.5"),
        ({"image_size": 31}, ValueError, "image_size must be an integer in 32 ... 1024; got 31"),
        ({"image_size": 1025}, ValueError, "image_size must be an integer in 32 ... 1024; got 1025"),
        ({"image_size": "64"}, TypeError, "image_size must be an integer .*; got '64'"),
        ({"source": "mnist"}, ValueError, "source must be one of auto, pets, drawn_pets; got 'mnist'"),
        ({"batch_size": 0}, ValueError, "batch_size must be an integer >= 1; got 0"),
        ({"batch_size": 8.0}, TypeError, "batch_size must be an integer .*; got 8.0"),
        ({"seed": -1}, ValueError, "seed must be an integer >= 0; got -1"),
    ],
)
def test_bad_arguments(arguments, error, words, elsewhere):
    given = {"split": "train"} | arguments
    if not arguments.keys() & {"batch_size", "seed"}:
        with pytest.raises(error, match=words):
            data.load_pets(**given)
    with pytest.raises(error, match=words):
        data.stream_pets(**({"batch_size": 8} | given))
    assert not elsewhere.exists()


def test_the_environment_chooses(elsewhere, monkeypatch):
    monkeypatch.setenv("COURSEKIT_PHOTOS", "drawn_pets")
    source = data.pets_source()
    assert (source.name, source.reason, source.data_dir) == ("drawn_pets", "as asked", elsewhere)
    monkeypatch.setenv("COURSEKIT_PHOTOS", "pets")
    with pytest.raises(data.DataError, match="cannot be downloaded: there is no internet connection"):
        data.pets_source()
    assert data.pets_source("drawn_pets").name == "drawn_pets"  # the argument goes first
    monkeypatch.setenv("COURSEKIT_PHOTOS", "cats")
    with pytest.raises(ValueError, match="COURSEKIT_PHOTOS must be one of auto, pets, drawn_pets; got 'cats'"):
        data.pets_source()


def test_the_quick_profile_downloads_nothing_unasked(elsewhere, refusing, monkeypatch, capsys):
    """There is a network, and nobody so much as asks it."""

    def refuse(*arguments, **options):
        raise AssertionError("something is fetched")

    monkeypatch.setattr(network, "trouble", refuse)
    monkeypatch.setattr(Refusing, "download_and_prepare", refuse)
    assert data.load_pets("test", image_size=32).images.shape == (6, 32, 32, 3)
    assert capsys.readouterr().out == (
        "photographs: drawn_pets (Oxford-IIIT Pet is not prepared; COURSEKIT_PHOTOS=pets downloads its 800 MB) "
        "· test 6\n"
    )


def test_a_refused_download(elsewhere, refusing, monkeypatch, capsys):
    """Asked for it stops; in the full profile it is tried unasked, and what failed is said."""
    with pytest.raises(data.DataError, match="Oxford-IIIT Pet could not be downloaded.*403 Forbidden"):
        data.load_pets("test", source="pets")
    monkeypatch.setenv("COURSEKIT_PROFILE", "full")
    assert data.pets_source().reason == "to be downloaded"
    data.load_pets("test", image_size=32)
    assert capsys.readouterr().out == (
        "photographs: drawn_pets (the download of Oxford-IIIT Pet failed: ConnectionError) · test 6\n"
    )


def test_the_full_profile_without_a_network(elsewhere, monkeypatch):
    monkeypatch.setenv("COURSEKIT_PROFILE", "full")
    assert data.pets_source().reason == "Oxford-IIIT Pet is not prepared, and there is no internet connection"
    with pytest.raises(data.DataError, match="is not prepared and cannot be downloaded.*COURSEKIT_PHOTOS=drawn_pets"):
        data.pets_source("pets")


def test_tfds_knows_what_would_be_downloaded():
    assert re.fullmatch(r"https://.*\.tar\.gz", module._address())


def test_broken_and_unfinished_folders_are_named_and_kept(elsewhere):
    left = elsewhere / "oxford_iiit_pet" / "incomplete.ABC_4.0.0"
    left.mkdir(parents=True)
    words = "oxford_iiit_pet/incomplete.ABC_4.0.0 in data/ is unfinished and was left untouched"
    assert words in data.pets_source().reason and "COURSEKIT_PHOTOS=pets" in data.pets_source().reason
    broken = elsewhere / "oxford_iiit_pet" / "4.0.0"
    broken.mkdir()
    words = "oxford_iiit_pet/4.0.0 in data/ is broken and was left untouched: features.json is missing"
    assert (data.pets_source().name, data.pets_source().reason) == ("drawn_pets", words)
    with pytest.raises(data.DataError, match="features.json is missing") as caught:
        data.load_pets(source="pets")
    assert str(broken) in str(caught.value) and broken.exists() and left.exists()


def test_a_broken_drawing_is_named_and_kept(elsewhere):
    data.load_pets("test", image_size=32)
    [folder] = (elsewhere / "drawn_pets").glob("*/*")
    file = next(folder.glob("*-train.tfrecord*"))
    file.write_bytes(file.read_bytes()[:-100])
    with pytest.raises(data.DataError, match="drawn_pets cannot be read.*move it away and the pictures are drawn anew"):
        data.load_pets("test")
    assert file.exists()


def test_more_pictures_than_prepared_are_drawn(elsewhere):
    few, more = data.load_pets("train", image_size=32), data.load_pets("train", 12, image_size=32)
    assert len(few.labels) == 9 and len(more.labels) == 12
    np.testing.assert_array_equal(few.images, more.images[:9])
    names = {folder.name for folder in (elsewhere / "drawn_pets").iterdir()}
    assert names == {"train9_test6_seed0", "train12_test6_seed0"}


@pytest.fixture
def whole_set(elsewhere):
    """A set of 37 breeds under the real one's name, four tiny photographs a breed and split, in three files."""
    import tensorflow_datasets as tfds

    names = tfds.builder_cls("oxford_iiit_pet")(data_dir=elsewhere).info.features["label"].names

    with tfds.core.registered.skip_registration():

        class Tiny(tfds.core.GeneratorBasedBuilder):
            name = "oxford_iiit_pet"
            VERSION = tfds.core.Version("4.0.0")

            def _info(self):
                features = {
                    "image": tfds.features.Image(shape=(None, None, 3), encoding_format="jpeg"),
                    "label": tfds.features.ClassLabel(names=names),
                    "segmentation_mask": tfds.features.Image(shape=(None, None, 1)),
                    "head_bbox": tfds.features.BBoxFeature(),
                }
                return tfds.core.DatasetInfo(builder=self, features=tfds.features.FeaturesDict(features))

            def _split_generators(self, dl_manager):
                return {split: self._generate_examples() for split in ("train", "test")}

            def _generate_examples(self):
                for key in range(4 * 37):
                    yield (
                        key,
                        {
                            "image": np.full((40, 30, 3), key, "uint8"),  # its brightness tells which it is
                            "label": key % 37,
                            "segmentation_mask": np.repeat(np.uint8([1, 3, 2]), [10, 10, 20])[:, None, None]
                            + np.zeros((1, 30, 1), "uint8"),
                            "head_bbox": tfds.features.BBox(ymin=0.25, xmin=0.5, ymax=0.75, xmax=1.0),
                        },
                    )

    config = tfds.download.DownloadConfig(num_shards=3)
    Tiny(data_dir=elsewhere).download_and_prepare(download_config=config)
    return names


@pytest.mark.parametrize("profile", ["quick", "full"])
def test_three_breeds_of_the_whole_set(whole_set, elsewhere, profile, monkeypatch):
    monkeypatch.setenv("COURSEKIT_PROFILE", profile)
    assert len(list((elsewhere / "oxford_iiit_pet" / "4.0.0").glob("*-train.tfrecord*"))) == 3
    photographs = data.load_pets(image_size=32)
    keys = np.round(photographs.images.mean(axis=(1, 2, 3)) * 255).astype(int)
    assert sorted(keys) == sorted(label + 37 * i for label in (0, 1, 5) for i in range(4))
    assert photographs.classes == tuple(BREEDS.values())
    np.testing.assert_array_equal(photographs.labels, [list(BREEDS).index(key % 37) for key in keys])
    np.testing.assert_array_equal(photographs.masks, np.repeat([[1] * 16 + [0] * 16], 12, 0)[..., None].repeat(32, 2))
    np.testing.assert_array_equal(photographs.boxes, [[16, 8, 32, 24]] * 12)
    with pytest.raises(ValueError, match=r"at most 12 .*\(three breeds\)"):
        data.stream_pets("train", 4, 13)


def test_breeds_that_are_missing():
    with pytest.raises(data.DataError, match="lacks Abyssinian, american_bulldog, .*COURSEKIT_PHOTOS=drawn_pets"):
        module._breeds({3: "basset_hound", 5: "Bengal"})


def test_make_data_asks_for_the_download(elsewhere, refusing, capsys):
    module.prepare_pets()
    assert capsys.readouterr().out.splitlines() == [
        "photographs: downloading the 800 MB of Oxford-IIIT Pet",
        "photographs: drawn_pets (the download of Oxford-IIIT Pet failed: ConnectionError) · train 9",
        "photographs: drawn_pets (the download of Oxford-IIIT Pet failed: ConnectionError) · test 6",
        "photographs: drawn_pets (as asked) · train 9",
        "photographs: drawn_pets (as asked) · test 6",
    ]


def test_the_notebook_check_masks_the_source_and_nothing_else():
    settings = configparser.ConfigParser()
    settings.read(Path(__file__).parents[1] / "notebooks" / "sanitize.cfg", encoding="utf-8")

    def masked(text):
        for section in settings.values():
            if "regex" in section:
                text = re.sub(section["regex"], section["replace"], text)
        return text

    lines = [
        "photographs: Oxford-IIIT Pet (prepared in TFDS_DATA_DIR) · train 300",
        f"photographs: drawn_pets (Oxford-IIIT Pet is not prepared; {module.UNASKED}) · train 300",
    ]
    assert {masked(line) for line in lines} == {"photographs: SOURCE· train 300"}


def test_the_source_loads_nothing(run_python, tmp_path):
    program = (
        "import sys\nfrom coursekit import data\ndata.pets_source('drawn_pets')\ndata.pets_source()\n"
        "print(sorted({'tensorflow', 'tensorflow_datasets', 'keras', 'scipy', 'sklearn'} & set(sys.modules)))"
    )
    answer = run_python(program, cwd=Path(__file__).parents[2], TFDS_DATA_DIR=str(tmp_path), COURSEKIT_PHOTOS="")
    assert (answer.stdout, answer.stderr) == ("[]\n", "")

"""The invented characters: laws of the generator, true factors, and how hard they are."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from coursekit.data import draw_characters
from coursekit.data.stroke_characters import FACTORS


@pytest.fixture(scope="module", params=["curved", "angular"])
def drawn(request):
    return draw_characters(60, 20, alphabets=3, style=request.param)


def test_shapes_and_types(drawn):
    images, labels, alphabets, factors = drawn
    assert images.shape == (1200, 28, 28, 1) and images.dtype == np.uint8
    assert labels.dtype == alphabets.dtype == np.int64
    np.testing.assert_array_equal(labels, np.repeat(np.arange(60), 20))
    np.testing.assert_array_equal(alphabets, np.repeat(np.arange(3), 400))
    assert set(factors) == {"rotation", "slant", "width", "thickness"}
    assert all(factor.shape == (1200,) and factor.dtype == np.float32 for factor in factors.values())


@settings(max_examples=15, deadline=None)
@given(
    characters=st.integers(1, 6),
    more_characters=st.integers(0, 4),
    examples=st.integers(1, 25),
    more_examples=st.integers(0, 20),
    seed=st.integers(0, 2**32 - 1),
    split=st.sampled_from(["train", "test"]),
    style=st.sampled_from(["curved", "angular"]),
)
def test_an_image_does_not_depend_on_how_many_are_drawn(
    characters, more_characters, examples, more_examples, seed, split, style
):
    few, _, _, few_factors = draw_characters(characters, examples, seed=seed, split=split, style=style)
    n, m = characters + more_characters, examples + more_examples
    many, _, _, many_factors = draw_characters(n, m, seed=seed, split=split, style=style)
    np.testing.assert_array_equal(few, many.reshape(n, m, 28, 28, 1)[:characters, :examples].reshape(few.shape))
    for name in FACTORS:
        np.testing.assert_array_equal(
            few_factors[name], many_factors[name].reshape(n, m)[:characters, :examples].ravel()
        )


@settings(max_examples=30, deadline=None)
@given(alphabets=st.integers(1, 12), more=st.integers(0, 20))
def test_characters_are_spread_evenly(alphabets, more):
    _, labels, of, _ = draw_characters(alphabets + more, 1, alphabets=alphabets)
    counts = np.bincount(of)
    assert len(counts) == alphabets and counts.sum() == len(labels) and np.ptp(counts) <= 1
    assert (np.diff(of) >= 0).all()


def test_splits_seeds_and_styles_share_no_image():
    drawings = [
        draw_characters(20, 5, seed=seed, split=split, style=style)[0]
        for seed in (0, 1)
        for split in ("train", "test")
        for style in ("curved", "angular")
    ]
    assert len({image.tobytes() for images in drawings for image in images}) == 8 * 100


def test_ink_stays_on_the_paper(drawn):
    images = drawn[0]
    assert images.max(axis=(1, 2, 3)).min() > 200  # every image holds ink
    assert 0.02 < np.mean(images > 127) < 0.25
    border = np.concatenate([images[:, 0], images[:, -1], images[:, :, 0], images[:, :, -1]])
    assert np.mean(border > 0) < 0.01


def test_factors_fill_their_ranges_and_are_independent(drawn):
    factors = drawn[3]
    for name, (low, high) in FACTORS.items():
        assert low <= factors[name].min() < low + 0.03 * (high - low)
        assert high >= factors[name].max() > high - 0.03 * (high - low)
    assert np.abs(np.corrcoef([*factors.values()]) - np.eye(4)).max() < 0.13  # 4.5 standard errors


def test_factors_are_what_they_say():
    """Within a character: a thicker line leaves more ink, and turning turns the axis of the ink."""
    images, labels, _, factors = draw_characters(30, 100)
    ink = images.reshape(30, 100, -1).mean(axis=2)
    thickness = factors["thickness"].reshape(30, 100)
    assert np.mean([np.corrcoef(a, b)[0, 1] for a, b in zip(ink, thickness)]) > 0.6
    rows, columns = np.mgrid[:28, :28]
    weights = images[..., 0] / images.sum(axis=(1, 2, 3), dtype=float)[:, None, None]
    x = columns - np.sum(weights * columns, axis=(1, 2))[:, None, None]
    y = rows - np.sum(weights * rows, axis=(1, 2))[:, None, None]
    xx, yy, xy = (np.sum(weights * a, axis=(1, 2)) for a in (x**2, y**2, x * y))
    axis = np.unwrap(np.arctan2(2 * xy, xx - yy).reshape(30, 100), axis=1) / 2  # clockwise, for y is downwards
    long = np.hypot(xx - yy, 2 * xy).reshape(30, 100).mean(axis=1) > 12  # characters with a clear long axis
    turned = np.radians(factors["rotation"]).reshape(30, 100)
    correlations = [
        np.corrcoef(np.sin(2 * (a - a.mean())), np.sin(2 * t))[0, 1] for a, t in zip(axis[long], turned[long])
    ]
    assert long.sum() >= 5 and np.mean(correlations) > 0.4


def test_examples_of_a_character_are_alike_and_characters_differ():
    """A linear classifier learns 40 characters; the nearest single example names them far less often."""
    images, labels, _, _ = draw_characters(40, 120, alphabets=2)
    x = images.reshape(40, 120, -1) / 255
    classifier = LinearDiscriminantAnalysis(solver="lsqr", shrinkage=0.2)
    classifier.fit(x[:, :100].reshape(4000, -1), np.repeat(np.arange(40), 100))
    assert classifier.score(x[:, 100:].reshape(800, -1), np.repeat(np.arange(40), 20)) > 0.5
    distances = np.linalg.norm(x[:, None, 1] - x[None, :, 0], axis=2)
    assert 0.05 < np.mean(distances.argmin(axis=1) == np.arange(40)) < 0.4


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({"characters": 0}, ValueError, "characters must be an integer >= 1; got 0"),
        ({"characters": 2.5}, TypeError, "characters must be an integer .*; got 2.5"),
        ({"examples": 0}, ValueError, "examples must be an integer >= 1; got 0"),
        ({"alphabets": 0}, ValueError, "alphabets must be an integer in 1 ... 5; got 0"),
        ({"alphabets": 6}, ValueError, "alphabets must be an integer in 1 ... 5; got 6"),
        ({"seed": -1}, ValueError, "seed must be an integer in 0 ... 4294967295; got -1"),
        ({"split": "validation"}, ValueError, "split must be one of train, test; got 'validation'"),
        ({"style": "dotted"}, ValueError, "style must be one of curved, angular; got 'dotted'"),
    ],
)
def test_bad_arguments(arguments, error, words):
    with pytest.raises(error, match=words):
        draw_characters(**({"characters": 5} | arguments))

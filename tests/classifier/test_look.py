"""The look score: what it sees together, what it must not mind, and the words for it."""

from io import BytesIO

import numpy as np
import pytest
from PIL import Image, ImageOps

from classifier.fusion import softly_largest
from classifier.look import GROUPS, JUDGED, PARTS, fit_look, look_from
from classifier.pictures import open_picture
from classifier.properties import measure
from classifier.reasons import MOST_REASONS, WORDS, WORTH_SAYING, reasons_for
from classifier.tails import fit_tails
from tests.classifier.files import encode

Properties = dict[str, float]


def scene(seed: int) -> Image.Image:
    """Warm light from above, some texture, a grey thing in the middle."""
    rng = np.random.default_rng(seed)
    light = np.linspace(rng.uniform(0.5, 0.8), rng.uniform(0.2, 0.5), 96)[:, None, None]
    warm = np.array([1.0, 0.85, 0.6]) + rng.normal(0, 0.05, 3)
    pixels = light * warm + rng.normal(0, rng.uniform(0.02, 0.08), (96, 96, 1))
    pixels[30:60, 30:60] = rng.uniform(0.2, 0.9)
    return Image.fromarray(np.uint8(np.clip(pixels, 0, 1) * 255))


def photographed(image: Image.Image) -> Image.Image:
    """As a JPEG has left it."""
    return Image.open(BytesIO(encode(image, "jpeg")))


def seen(image: Image.Image, format: str = "jpeg") -> Properties:
    return measure(open_picture(encode(image, format)))


TRAIN = [seen(scene(seed)) for seed in range(300)]
LOOK = fit_look(TRAIN, seed=0)


TAILS = fit_tails(LOOK.scores([seen(scene(seed)) for seed in range(1000, 1300)])[1], [1e-6] * PARTS)


def look_score(properties: Properties) -> float:
    return float(softly_largest(TAILS.score(LOOK.scores([properties])[1]))[0])


def said_of(properties: Properties) -> tuple[str, ...]:
    sides, parts = LOOK.scores([properties])
    return reasons_for(sides[0], TAILS.score(parts)[0, 1:], properties)


def test_every_property_of_the_list_has_a_tail_and_words() -> None:
    assert set(JUDGED) == set(WORDS)
    assert {name for group in GROUPS.values() for name in group} - set(JUDGED) == {
        "warmth",
        "tint",
        *GROUPS["layout"],
    }


def test_a_negative_is_told_by_its_colours_taken_together() -> None:
    for seed in range(500, 520):
        negative = seen(ImageOps.invert(scene(seed)))
        assert TAILS.score(LOOK.scores([negative])[1])[0, 1] > WORTH_SAYING
        assert any("colours" in one for one in said_of(negative))


@pytest.mark.parametrize("format", ["png", "bmp", "tiff"])
def test_the_same_picture_in_another_file_format_is_flagged_no_more(format: str) -> None:
    """The pixels of a JPEG, in up to ten times the bytes; the threshold is where 4 % of the JPEGs are."""
    scenes = [photographed(scene(seed)) for seed in range(600, 800)]
    jpeg = np.array([look_score(seen(one)) for one in scenes])
    other = np.array([look_score(seen(one, format)) for one in scenes])
    threshold = np.quantile(jpeg, 0.96)
    assert (other > threshold).mean() <= 0.06


def test_a_quarter_of_the_light_is_very_dark() -> None:
    for seed in range(500, 520):
        dark = seen(scene(seed).point([value // 4 for value in range(256)] * 3))
        said = said_of(dark)
        assert said[0] == "very dark"
        assert "unusual colours" not in said
        assert 1 <= len(said) <= MOST_REASONS


def test_noise_is_seen_although_a_thumbnail_averages_it_away() -> None:
    rng = np.random.default_rng(0)
    for seed in range(500, 520):
        pixels = np.asarray(scene(seed).resize((400, 400)), np.float32)
        noisy = np.clip(pixels + rng.normal(0, 40, pixels.shape), 0, 255)
        assert "grainy" in said_of(seen(Image.fromarray(np.uint8(noisy))))


def test_pictures_that_never_varied_do_not_make_every_other_one_strange() -> None:
    one = TRAIN[0]
    look = fit_look([one] * 100, seed=0)
    near = {**one, "warmth": one["warmth"] + 0.005, "brightness": one["brightness"] + 0.01}
    assert look.scores([near])[1].max() < 5
    assert np.isfinite(look.scores([{**one, "flat_share": 1.0, "brightness": 1.0}])[1]).all()


def test_a_look_is_read_back_as_it_was() -> None:
    again = look_from(LOOK.arrays())
    assert np.array_equal(again.scores(TRAIN[:20])[1], LOOK.scores(TRAIN[:20])[1])
    with pytest.raises(KeyError):
        look_from({"look_side_knots": LOOK.sides.knots})


def test_more_than_two_thousand_pictures_are_thinned_by_the_seed() -> None:
    many = TRAIN * 7
    look, same = fit_look(many, seed=4), fit_look(many, seed=4)
    assert len(look.groups[0].rows) == 2000
    assert np.array_equal(look.groups[0].rows, same.groups[0].rows)

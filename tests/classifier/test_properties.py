import numpy as np
import pytest
from PIL import Image, ImageFilter

from classifier.look import JUDGED
from classifier.pictures import open_picture
from classifier.properties import NAMES, measure
from tests.classifier.files import blocks, encode


def properties(image: Image.Image, format: str = "png") -> dict[str, float]:
    return measure(open_picture(encode(image, format)))


def noise(height: int = 100, width: int = 100) -> Image.Image:
    return Image.fromarray(np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8))


def test_every_named_property_is_measured_and_finite() -> None:
    for image in (blocks(), noise(), Image.new("RGB", (9, 400)), Image.new("RGB", (8, 8), "white")):
        measured = properties(image)
        assert tuple(sorted(measured)) == tuple(sorted(NAMES))
        assert np.isfinite(list(measured.values())).all()
    assert set(JUDGED) < set(NAMES)


def test_plain_colours_have_the_documented_values() -> None:
    white = properties(Image.new("RGB", (64, 64), "white"))
    assert white["brightness"] == pytest.approx(1)
    assert white["contrast"] == pytest.approx(0, abs=1e-6)
    assert (white["entropy"], white["flat_share"], white["edge_density"]) == (0, 1, 0)
    red = properties(Image.new("RGB", (64, 64), (255, 0, 0)))
    assert red["saturation"] == pytest.approx(1)
    assert red["brightness"] == pytest.approx(0.299)
    black = properties(Image.new("RGB", (64, 64)))
    assert (black["brightness"], black["saturation"]) == (0, 0)


def test_half_black_half_white_has_the_largest_contrast() -> None:
    pixels = np.zeros((64, 64, 3), np.uint8)
    pixels[:, 32:] = 255
    measured = properties(Image.fromarray(pixels))
    assert measured["contrast"] == pytest.approx(0.5)
    assert measured["entropy"] == pytest.approx(1)
    assert measured["edge_density"] == pytest.approx(1 / 63)


def test_sides_and_bytes_have_the_documented_units() -> None:
    image = noise(height=32, width=128)
    data = encode(image, "png")
    measured = measure(open_picture(data))
    assert measured["aspect"] == pytest.approx(2)
    assert measured["size"] == pytest.approx(6)
    assert measured["compression"] == pytest.approx(np.log2(len(data) / (32 * 128)))


def test_each_change_moves_its_property() -> None:
    image = blocks(200, 200).filter(ImageFilter.GaussianBlur(1))
    plain = properties(image)
    assert properties(image.convert("L").convert("RGB"))["colourfulness"] == pytest.approx(0)
    assert properties(image.convert("L").convert("RGB"))["saturation"] == pytest.approx(0)
    assert properties(Image.eval(image, lambda v: v // 4))["brightness"] < plain["brightness"] / 3
    blurred = properties(image.filter(ImageFilter.GaussianBlur(6)))
    assert blurred["sharpness"] < plain["sharpness"] - 0.2
    assert blurred["edge_density"] < plain["edge_density"]
    assert properties(noise())["sharpness"] > plain["sharpness"]
    assert properties(image, "bmp")["compression"] > properties(image, "jpeg")["compression"]


def test_a_picture_and_the_same_at_half_size_look_alike() -> None:
    image = blocks(400, 400).filter(ImageFilter.GaussianBlur(8))
    large, small = properties(image), properties(image.resize((200, 200)))
    for name in (
        "brightness",
        "contrast",
        "saturation",
        "colourfulness",
        "sharpness",
        "edge_density",
    ):
        assert small[name] == pytest.approx(large[name], abs=0.03), name

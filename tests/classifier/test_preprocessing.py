import numpy as np
import pytest
from numpy.typing import NDArray

from classifier.preprocessing import Preprocessing, prepare, resize, to_input

SQUISH = Preprocessing(32, "squish", (0.5, 0.4, 0.3), (0.2, 0.25, 0.5))
CROP = Preprocessing(32, "crop", (0.5, 0.4, 0.3), (0.2, 0.25, 0.5))


def halves(height: int, width: int) -> NDArray[np.uint8]:
    """The outer quarters on each side along the width are black, the middle is white."""
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[:, width // 4 : -(width // 4)] = 255
    return pixels


def test_squish_keeps_everything_and_crop_the_middle() -> None:
    squished, cropped = resize(halves(64, 128), SQUISH), resize(halves(64, 128), CROP)
    assert squished.shape == cropped.shape == (32, 32, 3)
    assert abs(squished.mean() - 127.5) < 3
    assert cropped.min() == 255
    upright = resize(halves(64, 128).transpose(1, 0, 2), CROP)
    assert upright.min() == 255


def test_resizing_averages_what_it_shrinks() -> None:
    checks = np.indices((1200, 900)).sum(axis=0) % 2 * 255
    small = resize(np.repeat(checks[..., None], 3, axis=2).astype(np.uint8), SQUISH)
    assert np.abs(small.astype(int) - 127).max() <= 2


def test_resizing_enlarges_too() -> None:
    assert resize(np.full((8, 9, 3), 77, np.uint8), SQUISH).tolist() == [[[77] * 3] * 32] * 32


def test_a_resized_picture_may_be_written() -> None:
    pixels = halves(32, 32)
    pixels.flags.writeable = False
    resized = resize(pixels, SQUISH)
    resized[0, 0] = 1
    assert resized[0, 0].tolist() == [1, 1, 1]


def test_the_input_is_normalised_by_channel_and_channels_come_first() -> None:
    resized = np.zeros((32, 32, 3), np.uint8)
    resized[..., 0], resized[..., 1], resized[..., 2] = 255, 51, 0
    inputs = to_input(resized, SQUISH)
    assert inputs.shape == (3, 32, 32)
    assert inputs.dtype == np.float32
    assert inputs.flags["C_CONTIGUOUS"]
    assert np.allclose(inputs[:, 0, 0], [(1 - 0.5) / 0.2, (0.2 - 0.4) / 0.25, -0.3 / 0.5])


def test_prepare_is_both_in_order() -> None:
    pixels = halves(50, 70)
    assert np.array_equal(prepare(pixels, CROP), to_input(resize(pixels, CROP), CROP))


def test_json_gives_back_what_was_written() -> None:
    assert Preprocessing.from_json(CROP.to_json()) == CROP


@pytest.mark.parametrize(
    "change",
    [
        {"size": 0},
        {"size": 5000},
        {"size": 32.0},
        {"size": True},
        {"method": "pad"},
        {"mean": [0.5, 0.5]},
        {"mean": [0.5, 0.5, float("nan")]},
        {"std": [0.2, 0.2, 0.0]},
        {"std": None},
        {"interpolation": "nearest"},
    ],
)
def test_anything_else_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"."):
        Preprocessing.from_json(CROP.to_json() | change)

"""A toy model version that is a real one: a full bundle with an ONNX network, made without torch.

It tells classes by colour: the first is red, the second blue, the third green, then yellow, violet and cyan.
`draw` makes pictures of a class as bytes, with the shifts that the domain scores should see.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import lru_cache
from io import BytesIO
from pathlib import Path
from typing import Any, Literal

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

from classifier.bundle import BundleContents, Sample, write_bundle
from classifier.calibration import softmax
from classifier.domain import fit_reference
from classifier.engine import Engine
from classifier.pictures import Picture, open_picture
from classifier.preprocessing import Preprocessing, prepare
from classifier.properties import measure

Shift = Literal["none", "grey", "dark", "sketch"]
COLOURS = ("red", "blue", "green", "yellow", "violet", "cyan")
_RGB = np.array([[1, 0, 0], [0, 0, 1], [0, 1, 0], [1, 1, 0], [1, 0, 1], [0, 1, 1]], np.float32)
CLASSES = ("bear", "teddy")
CREATED = datetime(2026, 1, 1, tzinfo=UTC)
SIZE = 32


def draw(
    number: int, seed: int, format: str = "png", shift: Shift = "none", strength: float = 0.45
) -> bytes:
    """A picture file of class `number`; less `strength` (0 to 1) makes the colour harder to tell."""
    rng = np.random.default_rng([number, seed])
    height, width = rng.integers(40, 72, 2)
    if shift == "sketch":
        pixels = _sketch(rng, height, width)
    else:
        pixels = _coloured(rng, height, width, number, strength)
    image = Image.fromarray(pixels)
    if shift == "grey":
        image = image.convert("L").convert("RGB")
    if shift == "dark":
        image = Image.eval(image, lambda value: value // 6)
    file = BytesIO()
    image.save(file, format, **({"quality": 92} if format == "jpeg" else {}))
    return file.getvalue()


def _coloured(
    rng: np.random.Generator, height: int, width: int, number: int, strength: float
) -> NDArray[np.uint8]:
    slope = (
        np.linspace(-0.15, 0.15, height)[:, None] * rng.normal()
        + np.linspace(-0.15, 0.15, width)[None] * rng.normal()
    )
    light = rng.uniform(0.35, 0.6) + slope + rng.normal(0, 0.06, (height, width))
    colour = (_RGB[number] - _RGB[number].mean()) * strength * rng.uniform(0.7, 1.3)
    speckle = rng.normal(0, 0.04, (height, width, 3))
    values = light[..., None] + colour + speckle
    pixels: NDArray[np.uint8] = (np.clip(values, 0, 1) * 255).astype(np.uint8)
    return pixels


def _sketch(rng: np.random.Generator, height: int, width: int) -> NDArray[np.uint8]:
    pixels = np.full((height, width, 3), 255, np.uint8)
    # few or many lines, thin or thick, dark or pale: different drawings, which no burst's collapse takes for one
    thick, ink = int(rng.integers(1, 3)), int(rng.integers(0, 120))
    for row in rng.integers(4, height - 4, rng.integers(1, 5)):
        pixels[row : row + thick, 4:-4] = ink
    for column in rng.integers(4, width - 4, rng.integers(1, 5)):
        pixels[4:-4, column : column + thick] = ink
    return pixels


def toy_network(classes: int, gain: float = 3.0, order: Sequence[int] | None = None) -> bytes:
    """Averages the colours of the picture; the features are the six colours' shares, 8 numbers.

    `order` says which colour answers for which class; another order than 0, 1, 2 makes a model that is wrong.
    """
    hues = _RGB - _RGB.mean(axis=1, keepdims=True)
    mix = np.zeros((3, 8), np.float32)
    mix[:, :6] = (hues / np.linalg.norm(hues, axis=1, keepdims=True)).T
    mix[:, 6] = 1 / 3
    offset = np.zeros(8, np.float32)
    offset[7] = 1.0
    head = np.zeros((8, classes), np.float32)
    for number, colour in enumerate(order or range(classes)):
        head[colour, number] = gain
    nodes = [
        helper.make_node("GlobalAveragePool", ["pictures"], ["pooled"]),
        helper.make_node("Flatten", ["pooled"], ["means"], axis=1),
        helper.make_node("Gemm", ["means", "mix", "offset"], ["features"]),
        helper.make_node("MatMul", ["features", "head"], ["logits"]),
    ]
    graph = helper.make_graph(
        nodes,
        "toy",
        [helper.make_tensor_value_info("pictures", TensorProto.FLOAT, ["n", 3, SIZE, SIZE])],
        [
            helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["n", classes]),
            helper.make_tensor_value_info("features", TensorProto.FLOAT, ["n", 8]),
        ],
        [
            numpy_helper.from_array(mix, "mix"),
            numpy_helper.from_array(offset, "offset"),
            numpy_helper.from_array(head, "head"),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 10
    onnx.checker.check_model(model)
    content: bytes = model.SerializeToString()
    return content


@lru_cache(maxsize=8)
def toy_contents(
    classes: tuple[str, ...] = CLASSES,
    seed: int = 0,
    held_out: int = 120,
    gain: float = 3.0,
    order: tuple[int, ...] | None = None,
    temperature: float = 1.0,
) -> BundleContents:
    """What `toy_bundle` writes; to be altered with `dataclasses.replace`."""
    network = toy_network(len(classes), gain, order)
    preprocessing = Preprocessing(SIZE, "squish", (0.5, 0.5, 0.5), (0.25, 0.25, 0.25))
    engine = Engine(network)

    def ask(pictures: Sequence[Picture]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        return engine.run(np.stack([prepare(one.pixels, preprocessing) for one in pictures]))

    def pictures(count: int, first: int) -> list[Picture]:
        numbers = range(first, first + count)
        return [open_picture(draw(i % len(classes), i)) for i in numbers]

    train, held = pictures(150, 1_000_000 * (seed + 1)), pictures(held_out, 500_000 + seed)
    logits, features = ask(held)
    reference = fit_reference(
        [measure(one) for one in held],
        features,
        logits,
        ask(train)[1],
        train_properties=[measure(one) for one in train],
        seed=seed,
        temperature=temperature,
    )
    samples = []
    for number in range(len(classes)):
        data = draw(number, seed)
        shares = softmax(ask([open_picture(data)])[0][0], temperature).tolist()
        samples.append(Sample(f"{number}.png", data, dict(zip(classes, shares, strict=True))))
    return BundleContents(
        created_at=CREATED,
        architecture="toy",
        classes=classes,
        network=network,
        preprocessing=preprocessing,
        temperature=temperature,
        reference=reference,
        samples=samples,
        card={"about": "tells colours apart, for tests", "seed": seed},
    )


def toy_bundle(
    folder: Path,
    classes: Sequence[str] = CLASSES,
    seed: int = 0,
    *,
    held_out: int = 120,
    gain: float = 3.0,
    order: tuple[int, ...] | None = None,
    temperature: float = 1.0,
    **changes: Any,
) -> Path:
    """Writes a valid bundle into `folder`, which must not exist, and answers it.

    Another seed, `gain`, `temperature` or `order` gives another digest; the order is which colour each class
    answers to, so that `(1, 0)` makes a model that is always wrong. `changes` replace fields of BundleContents.
    """
    contents = toy_contents(tuple(classes), seed, held_out, gain, order, temperature)
    write_bundle(folder, replace(contents, **changes))
    return folder

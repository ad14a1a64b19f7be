"""The toy network at the price of a real one: a ResNet-18 for 96 pixels runs beside it and changes nothing.

What it says is still right, so that answers can be checked; what it costs is what a user's first model costs. The
weights are drawn, not trained: the processor does not know the difference.
"""

from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper

from tests.toy import CLASSES, SIZE, toy_bundle, toy_network

# ResNet-18: channels of its four stages, two blocks each
STAGES = (64, 128, 256, 512)
SIDE = 96


def costly_bundle(folder: Path, seed: int = 0, **changes: Any) -> Path:
    """A toy bundle whose network costs as much as a ResNet-18 at 96 pixels; `changes` as `toy_bundle` has them."""
    order = changes.get("order")
    return toy_bundle(folder, seed=seed, network=costly_network(order), **changes)


@lru_cache(maxsize=4)
def costly_network(order: tuple[int, ...] | None = None) -> bytes:
    """The toy network with the other one's output added to its features, a millionth of it."""
    model = onnx.load_from_string(toy_network(len(CLASSES), order=order))
    graph = model.graph
    trunk = _Trunk()
    last = trunk.build()
    nodes = list(graph.node)
    for node in nodes:
        if "features" in node.output:
            node.output[0] = "colours"
    at = next(place for place, node in enumerate(nodes) if "features" in node.input)
    join = helper.make_node("Add", ["colours", last], ["features"])
    del graph.node[:]
    graph.node.extend([*nodes[:at], *trunk.nodes, join, *nodes[at:]])
    graph.initializer.extend(trunk.weights)
    onnx.checker.check_model(model)
    content: bytes = model.SerializeToString()
    return content


class _Trunk:
    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.weights: list[Any] = []
        self._rng = np.random.default_rng(18)
        self._names = self._count()

    def build(self) -> str:
        """The name of its output, (n, 8)."""
        scales = self._constant(np.array([1, 1, SIDE / SIZE, SIDE / SIZE], np.float32))
        large = self._node("Resize", ["pictures", "", scales], mode="nearest")
        flow = self._convolve(large, 3, STAGES[0], 7, 2)
        flow = self._node("Relu", [flow])
        flow = self._node("MaxPool", [flow], kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1])
        before = STAGES[0]
        for channels in STAGES:
            flow = self._block(flow, before, channels, 1 if channels == before else 2)
            flow = self._block(flow, channels, channels, 1)
            before = channels
        flow = self._node("GlobalAveragePool", [flow])
        flow = self._node("Flatten", [flow], axis=1)
        mix = self._constant(self._rng.normal(0, 0.04, (before, 8)).astype(np.float32))
        flow = self._node("Tanh", [self._node("MatMul", [flow, mix])])
        return self._node("Mul", [flow, self._constant(np.float32(1e-6))])

    def _block(self, flow: str, before: int, channels: int, stride: int) -> str:
        inner = self._node("Relu", [self._convolve(flow, before, channels, 3, stride)])
        inner = self._convolve(inner, channels, channels, 3, 1)
        around = flow if stride == 1 else self._convolve(flow, before, channels, 1, stride)
        return self._node("Relu", [self._node("Add", [inner, around])])

    def _convolve(self, flow: str, before: int, channels: int, side: int, stride: int) -> str:
        shape = (channels, before, side, side)
        scale = 0.5 * (2 / (before * side * side)) ** 0.5
        weight = self._constant(self._rng.normal(0, scale, shape).astype(np.float32))
        bias = self._constant(np.zeros(channels, np.float32))
        pads = [side // 2] * 4
        return self._node(
            "Conv",
            [flow, weight, bias],
            kernel_shape=[side, side],
            strides=[stride, stride],
            pads=pads,
        )

    def _node(self, kind: str, inputs: list[str], **attributes: Any) -> str:
        name = next(self._names)
        self.nodes.append(helper.make_node(kind, inputs, [name], **attributes))
        return name

    def _constant(self, values: Any) -> str:
        name = next(self._names)
        self.weights.append(numpy_helper.from_array(np.asarray(values), name))
        return name

    @staticmethod
    def _count() -> Iterator[str]:
        number = 0
        while True:
            yield f"trunk-{number}"
            number += 1

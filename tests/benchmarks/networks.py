"""The toy network at the price of a real one, and toy networks that misbehave.

Costly: a ResNet-18 for 96 pixels runs beside it and changes nothing. What it says is still right, so that answers can
be checked; what it costs is what a user's first model costs. The weights are drawn, not trained: the processor does
not know the difference. Misbehaving: with any picture but those of the toy classes, so that a bundle proves itself.
"""

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

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
    trunk = _Trunk()
    last = trunk.build()
    return _joined(order, trunk.nodes, trunk.weights, last)


Misbehaviour = Literal["hangs", "raises", "eats memory", "crashes"]


@lru_cache(maxsize=8)
def misbehaving_network(
    how: Misbehaviour, size: int = 2 * 1024**3, *, always: bool = False
) -> bytes:
    """The toy network that does this unless a picture is clearly red or blue; `size`: the bytes that it eats.

    `always`: with those too, so that the bundle cannot even be proved.

    The crash is the smallest whole number divided by -1, at which an x86 ends the process.
    """
    made = _Parts()
    column = {place: made.constant(np.array([place])) for place in (0, 2)}
    red, blue = (made.node("Gather", ["means", column[place]], axis=1) for place in (0, 2))
    apart = made.node("ReduceMin", [made.node("Abs", [made.node("Sub", [red, blue])])], keepdims=0)
    strange = made.node(
        "Cast",
        [made.node("Less", [apart, made.constant(np.float32(9.0 if always else 0.5))])],
        to=onnx.TensorProto.INT64,
    )
    zero = made.constant(np.zeros(1, np.float32))
    if how == "hangs":
        trips = made.node("Mul", [strange, made.constant(np.array(10**15))])
        last = made.node("Loop", [trips, "", zero], body=_add_nothing())
    elif how == "raises":
        place = made.node("Mul", [strange, made.constant(np.array([7]))])
        last = made.node("Gather", [zero, place])
    elif how == "crashes":
        signs = made.node("Mul", [strange, made.constant(np.array([-2]))])
        sign = made.node("Add", [signs, made.constant(np.array([1]))])
        last = made.node("Div", [made.constant(np.array([-(2**63)])), sign])
        last = made.node("Mul", [zero, made.node("Cast", [last], to=onnx.TensorProto.FLOAT)])
    else:
        more = made.node("Mul", [strange, made.constant(np.array([size // 4]))])
        long = made.node("Add", [more, made.constant(np.array([1]))])
        last = made.node("ReduceSum", [made.node("Expand", [zero, long])], keepdims=1)
    return _joined(None, made.nodes, made.weights, last)


def _add_nothing() -> Any:
    value = helper.make_tensor_value_info
    floats, booleans, whole = onnx.TensorProto.FLOAT, onnx.TensorProto.BOOL, onnx.TensorProto.INT64
    return helper.make_graph(
        [helper.make_node("Identity", ["on"], ["go"]), helper.make_node("Neg", ["was"], ["is"])],
        "loop",
        [value("trip", whole, []), value("on", booleans, []), value("was", floats, [1])],
        [value("go", booleans, []), value("is", floats, [1])],
    )


def _joined(
    order: tuple[int, ...] | None, more: Sequence[Any], weights: Sequence[Any], last: str
) -> bytes:
    """The toy network with the output `last` of further nodes added to its features."""
    model = onnx.load_from_string(toy_network(len(CLASSES), order=order))
    graph = model.graph
    nodes = list(graph.node)
    for node in nodes:
        if "features" in node.output:
            node.output[0] = "colours"
    at = next(place for place, node in enumerate(nodes) if "features" in node.input)
    join = helper.make_node("Add", ["colours", last], ["features"])
    del graph.node[:]
    graph.node.extend([*nodes[:at], *more, join, *nodes[at:]])
    graph.initializer.extend(weights)
    onnx.checker.check_model(model)
    content: bytes = model.SerializeToString()
    return content


class _Parts:
    """Nodes and weights of a graph that is being made."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.weights: list[Any] = []

    def node(self, kind: str, inputs: list[str], **attributes: Any) -> str:
        """The name of its output."""
        name = f"more-{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [name], **attributes))
        return name

    def constant(self, values: Any) -> str:
        """The name of a weight."""
        name = f"weight-{len(self.weights)}"
        self.weights.append(numpy_helper.from_array(np.asarray(values), name))
        return name


class _Trunk(_Parts):
    def __init__(self) -> None:
        super().__init__()
        self._rng = np.random.default_rng(18)

    def build(self) -> str:
        """The name of its output, (n, 8)."""
        scales = self.constant(np.array([1, 1, SIDE / SIZE, SIDE / SIZE], np.float32))
        large = self.node("Resize", ["pictures", "", scales], mode="nearest")
        flow = self._convolve(large, 3, STAGES[0], 7, 2)
        flow = self.node("Relu", [flow])
        flow = self.node("MaxPool", [flow], kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1])
        before = STAGES[0]
        for channels in STAGES:
            flow = self._block(flow, before, channels, 1 if channels == before else 2)
            flow = self._block(flow, channels, channels, 1)
            before = channels
        flow = self.node("GlobalAveragePool", [flow])
        flow = self.node("Flatten", [flow], axis=1)
        mix = self.constant(self._rng.normal(0, 0.04, (before, 8)).astype(np.float32))
        flow = self.node("Tanh", [self.node("MatMul", [flow, mix])])
        return self.node("Mul", [flow, self.constant(np.float32(1e-6))])

    def _block(self, flow: str, before: int, channels: int, stride: int) -> str:
        inner = self.node("Relu", [self._convolve(flow, before, channels, 3, stride)])
        inner = self._convolve(inner, channels, channels, 3, 1)
        around = flow if stride == 1 else self._convolve(flow, before, channels, 1, stride)
        return self.node("Relu", [self.node("Add", [inner, around])])

    def _convolve(self, flow: str, before: int, channels: int, side: int, stride: int) -> str:
        shape = (channels, before, side, side)
        scale = 0.5 * (2 / (before * side * side)) ** 0.5
        weight = self.constant(self._rng.normal(0, scale, shape).astype(np.float32))
        bias = self.constant(np.zeros(channels, np.float32))
        pads = [side // 2] * 4
        return self.node(
            "Conv",
            [flow, weight, bias],
            kernel_shape=[side, side],
            strides=[stride, stride],
            pads=pads,
        )

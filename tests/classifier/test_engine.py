import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from classifier.engine import MOST_BYTES, Engine, NetworkError
from tests.benchmarks.networks import misbehaving_network
from tests.toy import SIZE, toy_network


def inputs(count: int, seed: int = 0) -> NDArray[np.float32]:
    return np.random.default_rng(seed).normal(size=(count, 3, SIZE, SIZE)).astype(np.float32)


def altered(name: str, values: list[float]) -> bytes:
    """The toy network with the first numbers of one weight replaced."""
    model = onnx.load_from_string(toy_network(2))
    for weight in model.graph.initializer:
        if weight.name == name:
            numbers = numpy_helper.to_array(weight).copy()
            numbers.ravel()[: len(values)] = values
            weight.CopyFrom(numpy_helper.from_array(numbers, name))
    return bytes(model.SerializeToString())


def test_any_number_of_pictures_gives_as_many_rows() -> None:
    engine = Engine(toy_network(3))
    for count in (1, 2, 7):
        logits, features = engine.run(inputs(count))
        assert (logits.shape, features.shape) == ((count, 3), (count, 8))
        assert logits.dtype == features.dtype == np.float32


def test_a_picture_gets_the_same_answer_alone_and_in_company() -> None:
    engine = Engine(toy_network(3))
    batch = inputs(5)
    together, _ = engine.run(batch)
    alone = np.concatenate([engine.run(one[None])[0] for one in batch])
    assert np.allclose(together, alone, atol=1e-6)


def test_a_file_answers_as_its_bytes_do(tmp_path: Path) -> None:
    path = tmp_path / "network.onnx"
    path.write_bytes(toy_network(2))
    assert np.array_equal(Engine(path).run(inputs(2))[0], Engine(toy_network(2)).run(inputs(2))[0])


def test_many_threads_may_ask_at_once() -> None:
    engine = Engine(toy_network(2))
    batches = [inputs(2, seed) for seed in range(8)]
    alone = [engine.run(one)[0] for one in batches]
    with ThreadPoolExecutor(8) as threads:
        together = list(threads.map(lambda one: engine.run(one)[0], batches * 10))
    assert all(np.array_equal(one, alone[place % 8]) for place, one in enumerate(together))


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
@pytest.mark.parametrize(("weight", "output"), [("head", "logits"), ("mix", "logits|features")])
def test_an_output_that_is_not_finite_is_refused(weight: str, output: str, value: float) -> None:
    with pytest.raises(NetworkError, match=f"({output}) has values that are not finite"):
        Engine(altered(weight, [value])).run(inputs(1))


def test_a_wrong_shape_is_refused() -> None:
    with pytest.raises(NetworkError, match="failed"):
        Engine(toy_network(2)).run(np.zeros((1, 3, SIZE + 1, SIZE), np.float32))


@pytest.mark.parametrize("content", [b"", b"not a network", toy_network(2)[:100]])
def test_what_is_no_network_is_refused(content: bytes) -> None:
    with pytest.raises(NetworkError, match="cannot be loaded"):
        Engine(content)


def test_a_network_with_other_ends_is_refused() -> None:
    model = onnx.load_from_string(toy_network(2))
    del model.graph.output[1]
    with pytest.raises(NetworkError, match="expected 'pictures'"):
        Engine(bytes(model.SerializeToString()))


def test_a_network_cannot_pull_in_files_from_elsewhere(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_bytes(bytes(8 * 2 * 4))
    model = onnx.load_from_string(toy_network(2))
    head = next(one for one in model.graph.initializer if one.name == "head")
    head.ClearField("raw_data")
    head.data_location = onnx.TensorProto.EXTERNAL
    head.external_data.append(
        helper.onnx.StringStringEntryProto(key="location", value=str(tmp_path / "elsewhere"))
    )
    with pytest.raises(NetworkError, match="cannot be loaded"):
        Engine(bytes(model.SerializeToString()))


def test_more_numbers_than_anybody_has_use_for_are_refused() -> None:
    engine = Engine(growing_network(MOST_BYTES))
    with pytest.raises(NetworkError, match="features has 65,544 numbers for each picture"):
        engine.run(grey())
    assert engine.run(red())[1].shape == (1, 8)
    # as many of them as may be are answered, for each of many pictures
    most = Engine(growing_network(MOST_BYTES - 4 * 8))
    assert most.run(np.concatenate([grey()] * 3))[1].shape == (3, 65_536)


def test_a_run_that_does_not_end_is_ended() -> None:
    engine = Engine(misbehaving_network("hangs"))
    limit = threading.Timer(0.05, engine.stop)
    limit.start()
    with pytest.raises(NetworkError):
        engine.run(grey())
    limit.join()
    # and the next one is asked as ever
    assert engine.run(red())[0].shape == (1, 2)


def growing_network(size: int) -> bytes:
    """The toy network with so many bytes more of features unless a picture is clearly red or blue."""
    model = onnx.load_from_string(toy_network(2))
    graph = model.graph
    for node in graph.node:
        for names in (node.input, node.output):
            names[:] = ["colours" if name == "features" else name for name in names]
    weights = {
        "few": np.float32(0.5),
        "first": np.array([0]),
        "third": np.array([2]),
        "more": np.array([0, 0, 0, size // 4]),
    }
    graph.initializer.extend(
        numpy_helper.from_array(np.asarray(values), name) for name, values in weights.items()
    )
    graph.node.extend(
        helper.make_node(kind, inputs, [output], **attributes)
        for kind, inputs, output, attributes in (
            ("Gather", ["means", "first"], "red", {"axis": 1}),
            ("Gather", ["means", "third"], "blue", {"axis": 1}),
            ("Sub", ["red", "blue"], "difference", {}),
            ("Abs", ["difference"], "distance", {}),
            ("ReduceMin", ["distance"], "least", {"keepdims": 0}),
            ("Less", ["least", "few"], "is strange", {}),
            ("Cast", ["is strange"], "strange", {"to": onnx.TensorProto.INT64}),
            ("Mul", ["strange", "more"], "pads", {}),
            ("Pad", ["colours", "pads"], "features", {}),
        )
    )
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())


def grey() -> NDArray[np.float32]:
    return np.zeros((1, 3, SIZE, SIZE), np.float32)


def red() -> NDArray[np.float32]:
    picture = grey()
    picture[:, 0] = 2
    return picture

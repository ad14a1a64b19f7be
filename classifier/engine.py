"""Running a network from ONNX: pictures in, logits and features out.

The graph has one input, "pictures" (n, 3, size, size), and the outputs "logits" (n, K) and "features" (n, D),
with any n. A session may be asked from many threads at once. Never answers with numbers that are not finite, nor with
more of them than `MOST_BYTES` for each picture and output.
`stop` ends what runs. For a network that is not trusted yet see `engine_process`.
"""

import threading
from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray

INPUT = "pictures"
OUTPUTS = ("logits", "features")
# 65,536 numbers for one picture: many times what networks have, and nothing to whoever receives them
MOST_BYTES = 256 * 1024


class NetworkError(Exception):
    """The network cannot be loaded, or what it answered cannot be used."""


class Engine:
    """A network held by ONNX Runtime on the processor, in float32."""

    name = "onnxruntime"
    precision = "float32"

    def __init__(self, network: bytes | Path, threads: int = 1) -> None:
        self._running: set[onnxruntime.RunOptions] = set()
        self._lock = threading.Lock()
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        # idle threads that spin would take the processor from the requests beside this one
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        # as bytes, a graph has no folder of its own from which it could pull in further files
        content = network.read_bytes() if isinstance(network, Path) else network
        try:
            self._session = onnxruntime.InferenceSession(
                content, options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # the runtime's errors share no class but this
            raise NetworkError(f"the network cannot be loaded: {error}") from error
        inputs = tuple(one.name for one in self._session.get_inputs())
        outputs = {one.name for one in self._session.get_outputs()}
        if inputs != (INPUT,) or not outputs.issuperset(OUTPUTS):
            raise NetworkError(
                f"the network takes {inputs} and gives {sorted(outputs)},"
                f" expected {INPUT!r} and {OUTPUTS}"
            )

    def run(self, inputs: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Logits (n, K) and features (n, D) of inputs (n, 3, size, size), or NetworkError."""
        run = onnxruntime.RunOptions()
        with self._lock:
            self._running.add(run)
        try:
            logits, features = self._session.run(list(OUTPUTS), {INPUT: inputs}, run)
        except Exception as error:  # the runtime's errors share no class but this
            raise NetworkError(f"the network failed: {error}") from error
        finally:
            with self._lock:
                self._running.discard(run)
        for name, values in zip(OUTPUTS, (logits, features), strict=True):
            if values.ndim != 2 or len(values) != len(inputs):
                raise NetworkError(
                    f"{name} has the shape {values.shape} for {len(inputs)} pictures"
                )
            if values.nbytes > MOST_BYTES * len(inputs):
                raise NetworkError(
                    f"{name} has {values.shape[1]:,} numbers for each picture,"
                    f" more than the {MOST_BYTES:,} bytes that it may have"
                )
            if not np.isfinite(values).all():
                raise NetworkError(f"{name} has values that are not finite")
        return logits, features

    def stop(self) -> None:
        """End every run that is under way, at the next node of the graph: it raises NetworkError."""
        with self._lock:
            for run in self._running:
                run.terminate = True

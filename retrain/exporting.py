"""A trained network as the files of a bundle: ONNX to be served, safetensors to be trained further."""

import copy
import io
import warnings
from contextlib import redirect_stdout
from dataclasses import dataclass

import torch
from safetensors.torch import save
from torch.export import Dim

from classifier.engine import INPUT, OUTPUTS
from retrain.networks import BothOutputs, Network


@dataclass(frozen=True)
class Exported:
    """`network`: an ONNX graph with any number of pictures; `weights`: every tensor by name."""

    network: bytes
    weights: bytes


def export(network: Network, size: int) -> Exported:
    """The network in evaluation mode, in float32, from whatever device it is on. Leaves the network as it is."""
    still = copy.deepcopy(network).to("cpu", torch.float32).eval()
    with warnings.catch_warnings(), redirect_stdout(io.StringIO()):
        # the exporter talks of its own internals
        warnings.simplefilter("ignore")
        program = torch.onnx.export(
            BothOutputs(still),
            (torch.zeros(2, 3, size, size),),
            input_names=[INPUT],
            output_names=list(OUTPUTS),
            dynamic_shapes=({0: Dim("n")},),
            dynamo=True,
            verbose=False,
        )
    if program is None:
        raise RuntimeError("the network was not exported")
    return Exported(
        network=program.model_proto.SerializeToString(),
        weights=save({name: one.contiguous() for name, one in still.state_dict().items()}),
    )

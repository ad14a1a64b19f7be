"""Networks by name, from torchvision or timm, with one shape: a body that gives features, one linear head.

Pretrained weights lie in a folder, in the library's own cache, or can be downloaded; else the body starts from
scratch and says so. Files of torch are read with `weights_only`: never anything that could run code.
"""

import copy
import difflib
import logging
from collections.abc import Callable
from pathlib import Path
from threading import Thread
from typing import Any, TypeVar
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

import timm
import torch
import torchvision
from safetensors.torch import load_file
from torch import Tensor, nn

from store.errors import Invalid

# until a server must have answered, and until it must have sent everything
ANSWER_SECONDS, DOWNLOAD_SECONDS = 5.0, 300.0

State = dict[str, Tensor]
Answer = TypeVar("Answer")


class Network(nn.Module):
    """Pictures (n, 3, s, s) to logits (n, K); the features (n, D) are what the head sees."""

    def __init__(self, body: nn.Module, width: int, classes: int) -> None:
        super().__init__()
        self.body = body
        self.head = nn.Linear(width, classes)

    def forward(self, pictures: Tensor) -> Tensor:
        """Logits."""
        logits: Tensor = self.head(self.body(pictures))
        return logits


class BothOutputs(nn.Module):
    """The network as it is served: logits and features."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network = network

    def forward(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        """Logits (n, K) and features (n, D)."""
        features = self.network.body(pictures)
        return self.network.head(features), features


def build(architecture: str, classes: int, size: int) -> Network:
    """A network with new weights. Raises Invalid for a name nobody knows or a shape that cannot be used."""
    body = _body(architecture)
    try:
        # on a copy, since batch norm would remember the empty pictures
        trial = copy.deepcopy(body)
        with torch.no_grad():
            features = [trial.train(mode)(torch.zeros(2, 3, size, size)) for mode in (True, False)]
        shapes = {tuple(one.shape) for one in features}
        width = features[0].shape[1] if len(shapes) == 1 and features[0].ndim == 2 else 0
    except (RuntimeError, AssertionError, ValueError, AttributeError) as error:
        raise Invalid(
            f"{architecture} cannot take pictures of {size} pixels: {str(error).splitlines()[0]}",
            "architecture",
        ) from error
    if not width:
        raise Invalid(f"{architecture} does not end in features that a class can be told from.")
    return Network(body, width, classes)


def _body(architecture: str) -> nn.Module:
    ours = torchvision.models.list_models(module=torchvision.models)
    if architecture in ours:
        return _without_head(torchvision.models.get_model(architecture, weights=None), architecture)
    if timm.is_model(architecture):
        body: nn.Module = timm.create_model(architecture, pretrained=False, num_classes=0)
        return body
    near = difflib.get_close_matches(architecture, sorted({*ours, *timm.list_models()}), n=3)
    hint = f" Did you mean {', '.join(near)}?" if near else ""
    raise Invalid(f"Neither torchvision nor timm knows {architecture!r}.{hint}", "architecture")


def _without_head(network: nn.Module, architecture: str) -> nn.Module:
    linear = [name for name, one in network.named_modules() if isinstance(one, nn.Linear)]
    if not linear:
        raise Invalid(f"{architecture} has no linear layer at its end.", "architecture")
    parent, _, name = linear[-1].rpartition(".")
    setattr(network.get_submodule(parent), name, nn.Identity())
    return network


def load_state(network: Network, weights: Path) -> None:
    """The whole network's weights as a bundle carries them. Raises Invalid when they are another network's."""
    try:
        network.load_state_dict(load_file(weights))
    except (RuntimeError, OSError, ValueError) as error:
        raise Invalid(f"The weights in {weights.name} are not this network's.") from error


def pretrain(network: Network, architecture: str, folder: Path | None) -> str | None:
    """Give the body pretrained weights; where they came from, or None when it starts from scratch.

    With a folder the weights must lie there: Invalid when they do not, or do not fit.
    """
    if folder is not None:
        file = _file_in(folder, architecture)
        _fit(network, _read(file), file.name)
        return file.name
    state = _fetch(architecture)
    if state is None:
        return None
    _fit(network, state, architecture)
    return "download"


def _file_in(folder: Path, architecture: str) -> Path:
    if not folder.is_dir():
        raise Invalid(f"There is no folder {folder}.", "no_weights")
    files = sorted(one for one in folder.iterdir() if one.is_file())
    for ending in (".safetensors", ".pth", ".pt", ".bin"):
        of_kind = [one for one in files if one.suffix == ending]
        named = [one for one in of_kind if one.stem.split("-")[0] == architecture]
        plain = [one for one in of_kind if one.stem in ("model", "weights", "pytorch_model")]
        if named or plain:
            return (named or plain)[0]
    raise Invalid(
        f"{folder} holds no weights of {architecture} ({architecture}.safetensors or {architecture}.pth).",
        "no_weights",
    )


def _read(file: Path) -> State:
    try:
        if file.suffix == ".safetensors":
            tensors: State = load_file(file)
            return tensors
        state: Any = torch.load(file, map_location="cpu", weights_only=True)
    except Exception as error:  # the two readers share no class of errors
        raise Invalid(f"{file.name} cannot be read as weights.", "no_weights") from error
    for key in ("state_dict", "model"):
        if isinstance(state, dict) and isinstance(state.get(key), dict):
            state = state[key]
    if not isinstance(state, dict) or not all(isinstance(one, Tensor) for one in state.values()):
        raise Invalid(f"{file.name} holds no weights by name.", "no_weights")
    return state


def _fit(network: Network, state: State, name: str) -> None:
    """Loads what belongs to the body; its head is new in any case."""
    body = network.body.state_dict()
    plain = {key.removeprefix("module.").removeprefix("body."): one for key, one in state.items()}
    fitting = {k: v for k, v in plain.items() if k in body and v.shape == body[k].shape}
    lacking = [one for one in body if one not in fitting and "num_batches_tracked" not in one]
    if lacking:
        raise Invalid(
            f"{name} is of another network: {len(lacking)} of {len(body)} tensors are missing"
            f" or of another shape, {lacking[0]} first.",
            "no_weights",
        )
    network.body.load_state_dict(fitting, strict=False)


def _fetch(architecture: str) -> State | None:
    """From torchvision's cache or server, or timm's; None when the server does not answer in time."""
    if architecture in torchvision.models.list_models(module=torchvision.models):
        weights = torchvision.models.get_model_weights(architecture).DEFAULT
        name = urlsplit(weights.url).path.rpartition("/")[2]
        cached = Path(torch.hub.get_dir()) / "checkpoints" / name
        if not cached.is_file() and not reachable(weights.url):
            return None
        return within(
            DOWNLOAD_SECONDS, lambda: weights.get_state_dict(progress=False, check_hash=True)
        )
    if not reachable("https://huggingface.co"):
        return None
    return within(
        DOWNLOAD_SECONDS,
        lambda: timm.create_model(architecture, pretrained=True, num_classes=0).state_dict(),
    )


def reachable(
    url: str, opened: Callable[..., Any] = urlopen, seconds: float = ANSWER_SECONDS
) -> bool:
    """Whether a server answers soon."""

    def ask() -> bool:
        request = Request(url, method="HEAD")  # noqa: S310  # the address is a library's own
        with opened(request, timeout=seconds):
            return True

    return bool(within(seconds, ask))


def within(seconds: float, act: Callable[[], Answer]) -> Answer | None:
    """What `act` answers in time, or None. In a thread: looking up a name, say, knows no time limit of its own."""
    answers: list[Answer] = []

    def run() -> None:
        try:
            answers.append(act())
        except Exception as error:  # whatever a library or the network can raise: no answer
            logging.getLogger(__name__).debug("no answer", exc_info=error)

    thread = Thread(target=run, name="within", daemon=True)
    thread.start()
    thread.join(seconds)
    return answers[0] if answers else None

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from time import monotonic
from typing import Any

import pytest

from store.errors import Invalid

pytestmark = [pytest.mark.training, pytest.mark.filterwarnings("ignore")]

NAME = "resnet10t"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "weights").mkdir()
    return tmp_path / "weights"


def other_classes() -> Any:
    """What somebody else trained: the same body, a head of ten classes."""
    import timm
    import torch

    torch.manual_seed(7)
    return timm.create_model(NAME, num_classes=10).state_dict()


def begun_from(folder: Path, architecture: str = NAME) -> tuple[Any, str | None]:
    from retrain.networks import build, pretrain

    network = build(architecture, 3, 32)
    said = pretrain(network, architecture, folder)
    return network.body.state_dict(), said


@pytest.mark.parametrize("name", [f"{NAME}.safetensors", f"{NAME}-abcdef12.pth", "model.bin"])
def test_weights_in_a_folder_become_the_body(folder: Path, name: str) -> None:
    import torch
    from safetensors.torch import save_file

    theirs = other_classes()
    if name.endswith(".safetensors"):
        save_file(theirs, folder / name)
    else:
        torch.save({"state_dict": theirs}, folder / name)
    ours, said = begun_from(folder)
    assert said == name
    assert all(torch.equal(one, theirs[key]) for key, one in ours.items())


def test_a_bundles_own_weights_are_weights_too(folder: Path) -> None:
    import torch

    from retrain.exporting import export
    from retrain.networks import build

    network = build(NAME, 5, 32)
    (folder / "weights.safetensors").write_bytes(export(network, 32).weights)
    ours, said = begun_from(folder)
    assert said == "weights.safetensors"
    assert all(torch.equal(one, network.body.state_dict()[key]) for key, one in ours.items())


def test_weights_of_another_network_are_refused(folder: Path) -> None:
    import torch

    torch.save(other_classes(), folder / "resnet18.pth")
    with pytest.raises(Invalid, match="is of another network"):
        begun_from(folder, "resnet18")


def test_a_folder_without_weights_is_refused(folder: Path) -> None:
    (folder / "readme.txt").write_text("nothing here")
    with pytest.raises(Invalid, match="holds no weights of resnet10t"):
        begun_from(folder)


class Code:
    """What a pickle could do when it is loaded."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return (os.mkdir, (str(self.path),))


def test_a_file_that_carries_code_is_refused_and_runs_nothing(folder: Path, tmp_path: Path) -> None:
    import torch

    trap = tmp_path / "sprung"
    torch.save({"weight": Code(trap)}, folder / f"{NAME}.pth")
    with pytest.raises(Invalid, match="cannot be read as weights"):
        begun_from(folder)
    assert not trap.exists()
    (folder / f"{NAME}.pth").unlink()
    torch.save([1, 2, 3], folder / f"{NAME}.pth")
    with pytest.raises(Invalid, match="holds no weights by name"):
        begun_from(folder)


def test_without_folder_and_network_a_body_begins_from_scratch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch

    from retrain.networks import build, pretrain

    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    for architecture in ("resnet18", NAME):
        assert pretrain(build(architecture, 3, 32), architecture, None) is None


def test_weights_in_the_librarys_cache_need_no_network(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch
    import torchvision

    from retrain.networks import build, pretrain

    theirs = torchvision.models.resnet18(num_classes=1000).state_dict()
    url = torchvision.models.get_model_weights("resnet18").DEFAULT.url
    (tmp_path / "checkpoints").mkdir()
    torch.save(theirs, tmp_path / "checkpoints" / url.rpartition("/")[2])
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    network = build("resnet18", 3, 32)
    assert pretrain(network, "resnet18", None) == "download"
    assert torch.equal(network.body.state_dict()["conv1.weight"], theirs["conv1.weight"])


def test_a_server_that_never_answers_is_not_waited_for() -> None:
    from retrain.networks import reachable

    never = Event()

    @contextmanager
    def hanging(*_: Any, **__: Any) -> Iterator[None]:
        never.wait(60)
        yield

    began = monotonic()
    assert not reachable("https://example.invalid/weights", hanging, seconds=0.2)
    assert monotonic() - began < 5
    never.set()


def test_a_server_that_answers_is_reachable_and_one_that_refuses_is_not() -> None:
    from retrain.networks import reachable

    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    assert not reachable(f"http://127.0.0.1:{port}/", seconds=5)
    with _answering() as port:
        assert reachable(f"http://127.0.0.1:{port}/", seconds=20)


@contextmanager
def _answering() -> Iterator[int]:
    from http.server import BaseHTTPRequestHandler, HTTPServer
    from threading import Thread

    class Ok(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    server = HTTPServer(("127.0.0.1", 0), Ok)
    Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_port
    server.shutdown()
    server.server_close()

import hashlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from classifier.classifier import Classifier
from classifier.pictures import open_picture
from retrain.first_model import EXAMPLES, REASON, FirstModel, first_model
from retrain.program import Program
from retrain.progress import nobody
from store import command_line, guides, models, pictures, privileged_acts, rollouts, training_sets
from store.errors import Conflict, Invalid
from tests.retrain.conftest import SMALL
from tests.retrain.given import toy_folder
from tests.toy import draw

pytestmark = [pytest.mark.training, pytest.mark.filterwarnings("ignore")]

Trained = tuple[Path, FirstModel]


@pytest.fixture
def program(open_copy: Callable[[], Program]) -> Program:
    return open_copy()


def test_the_model_is_registered_and_waits_in_manual(trained: Trained, program: Program) -> None:
    made = trained[1]
    assert (made.version.number, made.version.classes, made.stage) == (1, ["blue", "red"], "manual")
    with program.database.read() as session:
        live = rollouts.live(session)
        [event] = rollouts.events(session)
        [act] = privileged_acts.newest(session, 10)
    assert live.incumbent is None
    assert live.candidate is not None
    assert live.candidate.version_id == made.version.id
    who = command_line.actor()
    assert (event.actor_kind, event.actor, event.move) == (who.kind, who.name, "open")
    assert (act.actor, act.act, act.subject) == (who.name, "first model", "version 1")
    assert (act.detail["actor_kind"], act.detail["reason"]) == (who.kind, REASON)


def test_what_was_left_out_is_said_with_its_reason(trained: Trained) -> None:
    left_out = {one.path: one.reason for one in trained[1].folder.left_out}
    assert set(left_out) == {"red/notes.txt", "blue/copy.png", "red/3.png"}
    assert trained[1].version.card["data"]["left_out"] == 3


def test_the_bundle_loads_and_tells_new_pictures_apart(trained: Trained, program: Program) -> None:
    bundle = program.bundles.fetch(trained[1].version.bundle_digest)
    loaded = Classifier.load(bundle)
    said = [
        loaded.opine(open_picture(draw(colour, seed))).label
        for colour in (0, 1)
        for seed in range(900, 910)
    ]
    right = sum(one == name for one, name in zip(said, ["red"] * 10 + ["blue"] * 10, strict=True))
    assert right >= 18
    assert loaded.bundle.weights is not None
    assert loaded.bundle.card["began_from"] == "scratch"


def test_golden_pictures_are_set_apart_and_judge_it(trained: Trained, program: Program) -> None:
    version = trained[1].version
    with program.database.read() as session:
        golden = training_sets.golden(session)
        rows = training_sets.rows(session, version.training_set_id or "")
        purposes = pictures.purposes(session, [*golden, *(row.picture_digest for row in rows)])
    assert {purposes[one][1] for one in golden} == {"golden"}
    assert {purposes[row.picture_digest][1] for row in rows} == {"training"}
    assert len(golden) + len(rows) == 99
    assert version.card["unseen"]["pictures"] == len(golden)


def test_the_card_says_where_it_comes_from_how_right_it_is_and_what_is_missing(
    trained: Trained, program: Program
) -> None:
    card = trained[1].version.card
    with program.database.read() as session:
        kept = training_sets.get(session, trained[1].version.training_set_id or "")
    assert card["training_set"] == kept.digest
    assert (card["architecture"], card["picture_size"], card["seed"]) == ("resnet10t", 32, 1)
    assert len(card["history"]) == card["epochs"] == 4
    unseen = card["unseen"]
    assert 0 <= unseen["low"] < unseen["share"] <= unseen["high"] <= 1
    assert sum(map(sum, unseen["confusion"])) == unseen["pictures"]
    assert sum(one["pictures"] for one in unseen["by_class"].values()) == unseen["pictures"]
    assert card["versions"]["torch"]
    assert any("from scratch" in one for one in card["missing"])
    assert any("blue, red" in one for one in card["missing"])


def test_every_class_has_a_first_page_of_the_guide(program: Program) -> None:
    with program.database.read() as session:
        guide = guides.in_force(session)
        shown = pictures.purposes(session, guide["red"].examples)
    assert set(guide) == {"blue", "red"}
    assert len(shown) == EXAMPLES
    assert {purpose for _, purpose in shown.values()} == {"training"}


def test_a_second_one_waits_while_the_first_is_on_its_way(
    trained: Trained, program: Program
) -> None:
    root = trained[0] / "pictures"
    made = first_model(program, root, replace(SMALL, epochs=1), nobody)
    assert (made.version.number, made.stage) == (2, None)
    # the same folder is the same set
    assert made.version.training_set_id == trained[1].version.training_set_id
    with program.database.read() as session:
        live = rollouts.live(session)
    assert live.candidate is not None
    assert live.candidate.number == 1
    with pytest.raises(Conflict, match="model already"):
        first_model(program, root, replace(SMALL, sample=True), nobody)


class Enough(Exception):
    """Whoever watched has seen enough."""


def test_what_is_interrupted_registers_nothing_and_can_be_done_again(
    trained: Trained, program: Program
) -> None:
    phases = []

    def stop_in_training(phase: str, share: float, _note: str) -> None:
        phases.append(phase)
        # without words, as exceptions that only end something are
        if phase == "train" and share > 0.3:
            raise Enough

    with pytest.raises(Enough):
        first_model(program, trained[0] / "pictures", SMALL, stop_in_training)
    assert list(dict.fromkeys(phases)) == ["verify", "keep", "weights", "train"]
    with program.database.read() as session:
        assert [one.number for one in models.newest_first(session)] == [1]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"architecture": "resnet99"}, "knows 'resnet99'. Did you mean"),
        ({"architecture": "squeezenet1_0"}, "no linear layer"),
        ({"architecture": "vit_b_32"}, "cannot take pictures of 32 pixels"),
        ({"device": "cuda"}, "no device 'cuda'"),
        ({"scratch": False, "weights": Path("/nowhere")}, "no folder"),
    ],
)
def test_options_that_cannot_be_are_refused_before_anything_is_read(
    program: Program, change: dict[str, object], says: str
) -> None:
    import torch

    if change.get("device") == "cuda" and torch.cuda.is_available():
        pytest.skip("this machine has a GPU")
    watched: list[str] = []
    with pytest.raises(Invalid, match=says):
        first_model(
            program,
            Path("unread"),
            replace(SMALL, **change),  # type: ignore[arg-type]
            lambda phase, _share, _note: watched.append(phase),
        )
    assert watched == []


def test_a_folder_with_too_few_different_pictures_leaves_nothing_behind(
    program: Program, tmp_path: Path
) -> None:
    root = toy_folder(tmp_path / "few", per_class=2, first=5000)
    with pytest.raises(Invalid, match="at least 15"):
        first_model(program, root, SMALL, nobody)
    # fifteen files, one picture: nothing could be held back
    for name in ("red", "blue"):
        data = (root / name / "0.png").read_bytes()
        for number in range(15):
            (root / name / f"again-{number}.png").write_bytes(data + bytes(number))
    with pytest.raises(Invalid, match="too few different pictures"):
        first_model(program, root, SMALL, nobody)
    with program.database.read() as session:
        known = pictures.purposes(session, [_digest(one) for one in root.rglob("*.png")])
    assert known == {}


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()

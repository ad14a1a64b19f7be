from pathlib import Path

import pytest

from store.errors import Invalid
from store.settings import number, of_this_machine, read_store_settings, whole

SECRET = "s" * 32


def test_one_machine_needs_a_secret_only() -> None:
    settings = read_store_settings({"URSA_SECRET_KEY": SECRET})
    assert settings.database_url == "sqlite:///data/ursa.db"
    assert settings.storage_url == "data/storage"


@pytest.mark.parametrize("secret", [{}, {"URSA_SECRET_KEY": SECRET[1:]}])
def test_the_secret_has_no_default_and_no_short_form(secret: dict[str, str]) -> None:
    with pytest.raises(Invalid, match="URSA_SECRET_KEY"):
        read_store_settings(secret)


def test_who_signs_nothing_needs_no_secret() -> None:
    assert read_store_settings({}, needs_secret=False).secret_key == ""
    with pytest.raises(Invalid, match="URSA_SECRET_KEY"):
        read_store_settings({"URSA_SECRET_KEY": "short"}, needs_secret=False)


def test_a_command_by_hand_finds_the_secret_of_this_folder(tmp_path: Path) -> None:
    local = tmp_path / "local.env"
    assert of_this_machine({"HOME": "/"}, local) == {"HOME": "/"}
    local.write_text(f"# made by make run\nURSA_SECRET_KEY={SECRET}\nADMIN_PASSWORD=x\n")
    assert of_this_machine({"HOME": "/"}, local) == {"HOME": "/", "URSA_SECRET_KEY": SECRET}
    mine = {"URSA_SECRET_KEY": "t" * 32}
    assert of_this_machine(mine, local) == mine


def test_a_number_that_is_none_is_refused_by_its_name() -> None:
    assert (whole({}, "URSA_PORT", 8000), number({"A": "0.5"}, "A", 1.0)) == (8000, 0.5)
    with pytest.raises(Invalid, match="URSA_PORT must be a whole number"):
        whole({"URSA_PORT": "eight"}, "URSA_PORT", 8000)
    with pytest.raises(Invalid, match="A must be a number"):
        number({"A": "much"}, "A", 1.0)

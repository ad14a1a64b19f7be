"""Settings: read once, refused in one sentence when they make no sense."""

from dataclasses import fields
from pathlib import Path

import pytest

from service.settings import Settings, read_settings
from store.errors import Invalid

ENOUGH = {"URSA_SECRET_KEY": "x" * 40}


def test_a_secret_is_all_that_has_no_default() -> None:
    settings = read_settings(ENOUGH)
    assert (settings.host, settings.port) == ("127.0.0.1", 8000)
    assert settings.policy_file == Path("policy.toml")
    with pytest.raises(Invalid):
        read_settings({})


def test_what_is_read_and_what_is_documented_as_default_agree() -> None:
    read, default = read_settings(ENOUGH), Settings(read_settings(ENOUGH).store)
    for one in fields(Settings):
        if one.name != "cores":  # as many as the machine has
            assert getattr(read, one.name) == getattr(default, one.name), one.name


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("URSA_PORT", "http"),
        ("URSA_PORT", "70000"),
        ("URSA_THREADS", "8"),
        ("URSA_INSIDE_LIMIT", "0"),
        ("URSA_AUDIT_RATE", "0"),
        ("URSA_AUDIT_RATE", "1.5"),
        ("URSA_AUDIT_RATE", "nan"),
        ("URSA_DOUBLES_RATE", "1.5"),
        ("URSA_CORES", "0"),
        ("URSA_QUEUE_PER_CORE", "0"),
        ("URSA_QUEUE_SECONDS", "-1"),
        ("URSA_CONNECTIONS", "0"),
        ("URSA_UPLOADS_BYTES", "1000"),
        ("URSA_DRAIN_SECONDS", "-1"),
        ("URSA_MAX_UPLOAD_BYTES", "-1"),
        ("URSA_RATE_PER_SECOND", "0"),
        ("URSA_SECRET_KEY", "short"),
    ],
)
def test_what_makes_no_sense_is_named(name: str, value: str) -> None:
    with pytest.raises(Invalid) as refused:
        read_settings({**ENOUGH, name: value})
    sentence = str(refused.value)
    assert name in sentence
    assert sentence.endswith(".")
    assert "\n" not in sentence

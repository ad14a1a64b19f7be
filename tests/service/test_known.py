"""Who called a moment ago is known, and for a moment only."""

from service import known
from service.known import SECONDS, Known
from store.people import Caller

SHOP = Caller("c1", "a shop", "consumer", "ursa_abc123")


def test_a_caller_is_known_for_a_moment_after_the_look_up_began() -> None:
    callers = Known()
    assert callers.get("key", 100.0) is None
    callers.put("key", SHOP, 100.0)
    assert callers.get("key", 100.0 + SECONDS - 0.01) == SHOP
    assert callers.get("key", 100.0 + SECONDS) is None
    assert callers.get("another key", 100.0) is None


def test_no_more_are_held_than_there_is_room_for() -> None:
    callers = Known()
    for number in range(known.MOST + 1):
        callers.put(f"key {number}", SHOP, 100.0)
    assert callers.get(f"key {known.MOST}", 100.0) == SHOP
    assert callers.get("key 0", 100.0) is None


def test_the_keys_themselves_are_not_held() -> None:
    callers = Known()
    callers.put("ursa_secret", SHOP, 100.0)
    assert "ursa_secret" not in repr(vars(callers))

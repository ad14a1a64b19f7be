from store import guides
from store.database import Database
from tests.store.given import NOW, digest, later


def test_the_newest_guide_of_each_class_is_in_force(database: Database) -> None:
    with database.write() as session:
        assert guides.in_force(session) == {}
        guides.write(session, "teddy", "made of cloth", [digest("a")], "olga", NOW)
        guides.write(session, "black", "a living bear", [], "olga", NOW)
        guides.write(session, "teddy", "made of cloth, with seams", [], "rita", later(hours=1))
    with database.read() as session:
        found = guides.in_force(session)
    assert {name: guide.definition for name, guide in found.items()} == {
        "teddy": "made of cloth, with seams", "black": "a living bear"
    }  # fmt: skip
    assert found["teddy"].written_by == "rita"

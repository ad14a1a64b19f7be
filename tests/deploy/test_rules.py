import pytest

from deploy import rules


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("service/predicting.py", "session.commit()", "1: only the doors commit"),
        ("store/reviews.py", "def _keep(s):\n    s.session.commit()", "2: only the doors commit"),
        ("service/app.py", "import os\nkey = os.environ['KEY']", "2: the environment is read"),
        ("retrain/worker.py", "from os import getenv", "1: the environment is read"),
        ("store/reviews.py", "def ask():\n    pass", "1: ask is public and has no docstring"),
        ("service/api/ask.py", "async def ask():\n    pass", "1: ask is public"),
    ],
)
def test_a_broken_rule_is_named_with_its_line(name: str, text: str, said: str) -> None:
    (sentence,) = rules.broken(name, text)
    assert sentence.startswith(f"{name}:{said}")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("store/database.py", "session.commit()"),
        ("service/settings.py", "import os\nkey = os.environ['KEY']"),
        ("store/reviews.py", "def _of_its_own():\n    pass"),
        ("store/reviews.py", 'def open_review():\n    """Ask people."""'),
        ("migrations/versions/first.py", "def upgrade():\n    pass"),
    ],
)
def test_what_a_room_may_do_is_not_mentioned(name: str, text: str) -> None:
    assert list(rules.broken(name, text)) == []

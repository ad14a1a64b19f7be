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
        ("service/csrf.py", "good = shown == wanted_csrf", "1: wanted_csrf is compared by hmac"),
        ("store/people.py", "good = row.secret != given", "1: secret is compared by hmac"),
        ("store/people.py", "query.where(\nSignIn.token == token)", "2: token is compared by hmac"),
        ("deploy/local.py", "known = password in passwords", "1: password is compared by hmac"),
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
        ("store/reviews.py", "held = review.lease_token == token"),
        ("store/people.py", "query.where(SignIn.token_sha256 == _sha256(token))"),
        ("service/csrf.py", "good = shown is not None and hmac.compare_digest(token, shown)"),
        ("migrations/versions/first.py", "def upgrade():\n    pass"),
    ],
)
def test_what_a_room_may_do_is_not_mentioned(name: str, text: str) -> None:
    assert list(rules.broken(name, text)) == []

from pathlib import Path

import pytest
from alembic import command
from sqlalchemy import create_engine, inspect, make_url, text

from store import migrate
from store.database import Database
from store.errors import SchemaAhead, SchemaBehind, Unavailable
from store.tables import Base


def tables(url: str) -> set[str]:
    engine = create_engine(url)
    found = set(inspect(engine).get_table_names())
    engine.dispose()
    return found


def stamp(url: str, revision: str) -> None:
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = :it"), {"it": revision})
    engine.dispose()


def test_the_history_makes_every_table_and_can_go_back_and_forth(database_url: str) -> None:
    everything = set(Base.metadata.tables) | {"alembic_version"}
    assert tables(database_url) == everything
    command.check(migrate.config(database_url))
    command.downgrade(migrate.config(database_url), "base")
    assert tables(database_url) == {"alembic_version"}
    migrate.upgrade(database_url)
    assert tables(database_url) == everything
    command.check(migrate.config(database_url))


def test_a_schema_of_this_code_is_accepted_and_upgrading_it_changes_nothing(
    database: Database,
) -> None:
    migrate.check(database)
    migrate.upgrade(database.url)
    migrate.check(database)


def test_a_schema_behind_says_what_to_do(database: Database) -> None:
    command.downgrade(migrate.config(database.url), "base")
    with pytest.raises(SchemaBehind, match="make migrate"):
        migrate.check(database)


def test_a_schema_ahead_is_left_alone(database: Database) -> None:
    stamp(database.url, "9999")
    with pytest.raises(SchemaAhead, match="newer version"):
        migrate.check(database)
    with pytest.raises(SchemaAhead, match="newer version"):
        migrate.upgrade(database.url)


@pytest.fixture(params=["not a database", "a torn page"])
def broken_url(request: pytest.FixtureRequest, sqlite_url: str) -> str:
    path = Path(make_url(sqlite_url).database or "")
    content = bytearray(path.read_bytes())
    start = 0 if request.param == "not a database" else 100
    content[start : start + 4000] = b"\xa5" * 4000
    path.write_bytes(content)
    return sqlite_url


def test_a_broken_file_is_named_as_such_and_left_alone(broken_url: str) -> None:
    path = Path(make_url(broken_url).database or "")
    content = path.read_bytes()
    database = Database(broken_url)
    with pytest.raises(Unavailable, match="broken") as checked:
        migrate.check(database)
    with pytest.raises(Unavailable, match="broken") as upgraded:
        migrate.upgrade(broken_url)
    assert checked.value.code == upgraded.value.code == "database_broken"
    database.dispose()
    assert path.read_bytes() == content


def test_a_server_that_is_not_there_is_unavailable(tmp_path: Path) -> None:
    url = f"postgresql+psycopg://nobody@/nothing?host={tmp_path}"
    database = Database(url)
    with pytest.raises(Unavailable) as refused:
        migrate.check(database)
    assert refused.value.code == "database_unavailable"


def test_a_folder_that_cannot_hold_the_file_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "here.db").mkdir()
    database = Database(f"sqlite:///{tmp_path}/here.db")
    with pytest.raises(Unavailable):
        migrate.check(database)

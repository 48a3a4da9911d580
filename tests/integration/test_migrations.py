"""The migrations make the tables that the models describe."""

from __future__ import annotations

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import Engine, inspect

from store.migrate import MIGRATIONS, migrate
from store.tables import TABLES


def test_the_migrated_tables_are_those_of_the_models(engine: Engine) -> None:
    with engine.connect() as connection:
        context = MigrationContext.configure(
            connection,
            opts={"compare_type": True, "compare_server_default": True, "version_table": "alembic_version"},
        )

        assert compare_metadata(context, TABLES) == []


def test_a_release_can_be_taken_back_and_put_in_again(engine: Engine) -> None:
    latest = _indexes(engine)
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))

    with engine.connect() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "0006")
    before = _indexes(engine)
    migrate(engine)

    assert before != latest
    assert _indexes(engine) == latest


def _indexes(engine: Engine) -> set[str]:
    found = inspect(engine)
    return {f"{index}" for table in found.get_table_names() for index in found.get_indexes(table)}

"""Alembic's environment: Flask-Migrate gives the engine, `adapters.sql.tables` the metadata."""

from alembic import context
from flask import current_app

from adapters.sql.tables import metadata


def run() -> None:
    if context.is_offline_mode():
        url = current_app.config["SQLALCHEMY_DATABASE_URI"]
        context.configure(url=url, target_metadata=metadata, literal_binds=True)
        with context.begin_transaction():
            context.run_migrations()
        return
    engine = current_app.extensions["migrate"].db.engine
    with engine.connect() as connection:
        context.configure(
            connection=connection,
            target_metadata=metadata,
            render_as_batch=engine.dialect.name == "sqlite",
        )
        with context.begin_transaction():
            context.run_migrations()


run()

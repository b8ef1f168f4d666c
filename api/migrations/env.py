"""Run by Alembic for every step: over the connection, and within the transaction, that `upgrade` opened."""

from __future__ import annotations

from alembic import context

from api.migrations import version_table

context.configure(
    connection=context.config.attributes["connection"],
    version_table=version_table(context.config.attributes["branch"]),
    target_metadata=context.config.attributes.get("metadata"),
)
context.run_migrations()

"""The catalog as of the first release."""

import sqlalchemy as sa
from alembic import op

revision = "catalog_0001"
down_revision = None

Id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "alias",
        sa.Column("node_id", Id, autoincrement=False, nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("namespace", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("node_id", "ordinal"),
    )
    op.create_table(
        "assertion",
        sa.Column("dataset_id", Id, autoincrement=False, nullable=False),
        sa.Column("run_pk", Id, autoincrement=False, nullable=False),
        sa.Column("key", sa.LargeBinary(), nullable=False),
        sa.Column("assertion", sa.Text(), nullable=False),
        sa.Column("column", sa.Text(), nullable=True),
        sa.Column("success", sa.Boolean(), nullable=True),
        sa.Column("severity", sa.Text(), nullable=True),
        sa.Column("at_us", Id, nullable=False),
        sa.Column("detail", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("dataset_id", "run_pk", "key"),
    )
    op.create_table(
        "bundle",
        sa.Column("id", Id, autoincrement=False, nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("facet_ids", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("digest"),
    )
    op.create_table(
        "edge",
        sa.Column("id", Id, autoincrement=False, nullable=False),
        sa.Column("key", sa.LargeBinary(), nullable=False),
        sa.Column("kind", sa.SmallInteger(), nullable=False),
        sa.Column("source_id", Id, nullable=False),
        sa.Column("target_id", Id, nullable=False),
        sa.Column("owner_id", Id, nullable=False),
        sa.Column("origin", sa.SmallInteger(), nullable=False),
        sa.Column("basis", sa.SmallInteger(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("subtype", sa.Text(), nullable=False),
        sa.Column("masking", sa.Boolean(), nullable=False),
        sa.Column("published", sa.Boolean(), nullable=False),
        sa.Column("changed", Id, nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("key"),
    )
    op.create_index("edge_changed", "edge", ["changed"], unique=False)
    op.create_index("edge_owner", "edge", ["owner_id"], unique=False)
    op.create_index("edge_source", "edge", ["source_id", "kind"], unique=False)
    op.create_index("edge_target", "edge", ["target_id", "kind"], unique=False)
    op.create_table(
        "edge_set",
        sa.Column("id", Id, autoincrement=False, nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("edge_ids", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("digest"),
    )
    op.create_table(
        "facet",
        sa.Column("id", Id, autoincrement=False, nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("digest"),
    )
    op.create_table(
        "field",
        sa.Column("id", Id, autoincrement=False, nullable=False),
        sa.Column("key", sa.LargeBinary(), nullable=False),
        sa.Column("dataset_id", Id, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("changed", Id, nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("key"),
    )
    op.create_index("field_changed", "field", ["changed"], unique=False)
    op.create_index("field_dataset", "field", ["dataset_id"], unique=False)
    op.create_table(
        "life",
        sa.Column("edge_id", Id, autoincrement=False, nullable=False),
        sa.Column("opened_us", Id, autoincrement=False, nullable=False),
        sa.Column("closed_us", Id, nullable=False),
        sa.PrimaryKeyConstraint("edge_id", "opened_us"),
    )
    op.create_table(
        "namespace",
        sa.Column("id", Id, autoincrement=False, nullable=False),
        sa.Column("key", sa.LargeBinary(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("key"),
    )
    op.create_table(
        "node",
        sa.Column("id", Id, autoincrement=False, nullable=False),
        sa.Column("key", sa.LargeBinary(), nullable=False),
        sa.Column("kind", sa.SmallInteger(), nullable=False),
        sa.Column("namespace_id", Id, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("leaf", sa.Text(), nullable=False),
        sa.Column("known", sa.Boolean(), nullable=False),
        sa.Column("parent_id", Id, nullable=False),
        sa.Column("first_us", Id, nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("changed", Id, nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("key"),
    )
    op.create_index("node_changed", "node", ["changed"], unique=False)
    op.create_index("node_leaf", "node", ["leaf"], unique=False)
    op.create_index("node_namespace", "node", ["namespace_id", "kind"], unique=False)
    op.create_index("node_parent", "node", ["parent_id"], unique=False)
    op.create_table(
        "observation",
        sa.Column("node_id", Id, autoincrement=False, nullable=False),
        sa.Column("bundle_id", Id, autoincrement=False, nullable=False),
        sa.Column("first_us", Id, nullable=False),
        sa.Column("last_us", Id, nullable=False),
        sa.PrimaryKeyConstraint("node_id", "bundle_id"),
    )
    op.create_table(
        "owner",
        sa.Column("node_id", Id, autoincrement=False, nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("node_id", "ordinal"),
    )
    op.create_index("owner_name", "owner", ["name"], unique=False)
    op.create_table(
        "projection",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("position", Id, nullable=False),
        sa.Column("changed", Id, nullable=False),
        sa.Column("generation", Id, nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "failure",
        sa.Column("position", Id, autoincrement=False, nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("position"),
    )
    op.create_table(
        "receipt",
        sa.Column("position", Id, autoincrement=False, nullable=False),
        sa.Column("added", sa.Integer(), nullable=False),
        sa.Column("confirmed", sa.Integer(), nullable=False),
        sa.Column("not_linked", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("position"),
    )
    op.create_table(
        "run",
        sa.Column("id", Id, autoincrement=False, nullable=False),
        sa.Column("key", sa.LargeBinary(), nullable=False),
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("owner_id", Id, nullable=False),
        sa.Column("origin", sa.SmallInteger(), nullable=False),
        sa.Column("first_us", Id, nullable=False),
        sa.Column("last_us", Id, nullable=False),
        sa.Column("start_us", Id, nullable=True),
        sa.Column("terminal_us", Id, nullable=True),
        sa.Column("terminal", sa.Text(), nullable=True),
        sa.Column("running", sa.Boolean(), nullable=False),
        sa.Column("nominal_start_us", Id, nullable=True),
        sa.Column("nominal_end_us", Id, nullable=True),
        sa.Column("parent_run", sa.Text(), nullable=True),
        sa.Column("parent_id", Id, nullable=False),
        sa.Column("root_run", sa.Text(), nullable=True),
        sa.Column("root_id", Id, nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("error_us", Id, nullable=True),
        sa.Column("sibling", sa.Text(), nullable=False),
        sa.Column("incomplete", sa.Boolean(), nullable=False),
        sa.Column("edge_set_id", Id, nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("key"),
    )
    op.create_index("run_first", "run", ["first_us"], unique=False)
    op.create_index("run_owner", "run", ["owner_id", "first_us"], unique=False)
    op.create_index("run_run_id", "run", ["run_id"], unique=False)
    op.create_table(
        "run_event",
        sa.Column("run_pk", Id, autoincrement=False, nullable=False),
        sa.Column("position", Id, autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("run_pk", "position"),
    )
    op.create_table(
        "run_shape",
        sa.Column("run_pk", Id, autoincrement=False, nullable=False),
        sa.Column("edge_set_id", Id, autoincrement=False, nullable=False),
        sa.Column("first_us", Id, nullable=False),
        sa.PrimaryKeyConstraint("run_pk", "edge_set_id"),
    )
    op.create_table(
        "series",
        sa.Column("owner_id", Id, autoincrement=False, nullable=False),
        sa.Column("origin", sa.SmallInteger(), nullable=False),
        sa.Column("edge_set_id", Id, autoincrement=False, nullable=False),
        sa.Column("runs", Id, nullable=False),
        sa.Column("last_us", Id, nullable=False),
        sa.PrimaryKeyConstraint("owner_id", "origin", "edge_set_id"),
    )
    op.create_table(
        "statistic",
        sa.Column("dataset_id", Id, autoincrement=False, nullable=False),
        sa.Column("run_pk", Id, autoincrement=False, nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("facet", sa.Text(), nullable=False),
        sa.Column("at_us", Id, nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("dataset_id", "run_pk", "role", "facet"),
    )
    op.create_table(
        "tag",
        sa.Column("node_id", Id, autoincrement=False, nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("field", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("node_id", "ordinal"),
    )
    op.create_index("tag_key", "tag", ["key"], unique=False)

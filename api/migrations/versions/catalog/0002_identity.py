"""Identity, flows, incarnations, and all that was said with its position.

The catalog is a projection: its tables are made anew and filled from the journal, which is exact; altering them isn't.
"""

import sqlalchemy as sa
from alembic import op

revision = "catalog_0002"
down_revision = "catalog_0001"

Id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
BEFORE = (
    "alias",
    "assertion",
    "bundle",
    "edge",
    "edge_set",
    "facet",
    "field",
    "life",
    "namespace",
    "node",
    "observation",
    "owner",
    "projection",
    "failure",
    "receipt",
    "run",
    "run_event",
    "run_shape",
    "series",
    "statistic",
    "tag",
)


def upgrade() -> None:
    for table in BEFORE:
        op.drop_table(table)
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
        "control",
        sa.Column("upstream_id", Id, autoincrement=False, nullable=False),
        sa.Column("downstream_id", Id, autoincrement=False, nullable=False),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("first_us", Id, nullable=False),
        sa.Column("last_us", Id, nullable=False),
        sa.PrimaryKeyConstraint("upstream_id", "downstream_id"),
    )
    op.create_index("control_downstream", "control", ["downstream_id"], unique=False)
    op.create_table(
        "decision",
        sa.Column("key", sa.LargeBinary(), nullable=False),
        sa.Column("one_id", Id, nullable=False),
        sa.Column("other_id", Id, nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("into_id", Id, nullable=False),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("at_us", Id, nullable=False),
        sa.Column("position", Id, nullable=False),
        sa.PrimaryKeyConstraint("key"),
    )
    op.create_index("decision_one", "decision", ["one_id"], unique=False)
    op.create_index("decision_other", "decision", ["other_id"], unique=False)
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
        sa.Column("flow_id", Id, nullable=False),
        sa.Column("tail_id", Id, nullable=False),
        sa.Column("head_id", Id, nullable=False),
        sa.Column("published", sa.Boolean(), nullable=False),
        sa.Column("suppressed", sa.Boolean(), nullable=False),
        sa.Column("changed", Id, nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("key"),
    )
    op.create_index("edge_changed", "edge", ["changed"], unique=False)
    op.create_index("edge_head", "edge", ["head_id", "kind"], unique=False)
    op.create_index("edge_owner", "edge", ["owner_id"], unique=False)
    op.create_index("edge_source", "edge", ["source_id", "kind"], unique=False)
    op.create_index("edge_tail", "edge", ["tail_id", "kind"], unique=False)
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
        "failure",
        sa.Column("position", Id, autoincrement=False, nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("position"),
    )
    op.create_table(
        "field",
        sa.Column("id", Id, autoincrement=False, nullable=False),
        sa.Column("key", sa.LargeBinary(), nullable=False),
        sa.Column("dataset_id", Id, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("same_id", Id, nullable=False),
        sa.Column("changed", Id, nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("key"),
    )
    op.create_index("field_changed", "field", ["changed"], unique=False)
    op.create_index("field_dataset", "field", ["dataset_id"], unique=False)
    op.create_table(
        "flow",
        sa.Column("id", Id, autoincrement=False, nullable=False),
        sa.Column("key", sa.LargeBinary(), nullable=False),
        sa.Column("job_id", Id, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("changed", Id, nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("key"),
    )
    op.create_index("flow_changed", "flow", ["changed"], unique=False)
    op.create_index("flow_job", "flow", ["job_id"], unique=False)
    op.create_table(
        "joint",
        sa.Column("key", sa.LargeBinary(), nullable=False),
        sa.Column("one_id", Id, nullable=False),
        sa.Column("other_id", Id, nullable=False),
        sa.Column("how", sa.Text(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("first_us", Id, nullable=False),
        sa.Column("last_us", Id, nullable=False),
        sa.Column("position", Id, nullable=False),
        sa.PrimaryKeyConstraint("key"),
    )
    op.create_index("joint_one", "joint", ["one_id"], unique=False)
    op.create_index("joint_other", "joint", ["other_id"], unique=False)
    op.create_table(
        "life",
        sa.Column("edge_id", Id, autoincrement=False, nullable=False),
        sa.Column("opened_us", Id, autoincrement=False, nullable=False),
        sa.Column("closed_us", Id, nullable=False),
        sa.PrimaryKeyConstraint("edge_id", "opened_us"),
    )
    op.create_index("life_closed", "life", ["closed_us"], unique=False)
    op.create_index("life_opened", "life", ["opened_us"], unique=False)
    op.create_table(
        "lifecycle",
        sa.Column("name_id", Id, autoincrement=False, nullable=False),
        sa.Column("at_us", Id, autoincrement=False, nullable=False),
        sa.Column("other_id", Id, autoincrement=False, nullable=False),
        sa.Column("position", Id, nullable=False),
        sa.PrimaryKeyConstraint("name_id", "at_us", "other_id"),
    )
    op.create_index("lifecycle_other", "lifecycle", ["other_id"], unique=False)
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
        sa.Column("name_id", Id, nullable=False),
        sa.Column("since_us", Id, nullable=False),
        sa.Column("same_id", Id, nullable=False),
        sa.Column("dropped_us", Id, nullable=True),
        sa.Column("listed", sa.Boolean(), nullable=False),
        sa.Column("changed", Id, nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("key"),
    )
    op.create_index("node_first", "node", ["first_us"], unique=False)
    op.create_index("node_changed", "node", ["changed"], unique=False)
    op.create_index("node_leaf", "node", ["leaf"], unique=False)
    op.create_index("node_name", "node", ["name_id"], unique=False)
    op.create_index("node_namespace", "node", ["namespace_id", "kind"], unique=False)
    op.create_index("node_parent", "node", ["parent_id"], unique=False)
    op.create_index("node_same", "node", ["same_id"], unique=False)
    op.create_table(
        "observation",
        sa.Column("node_id", Id, autoincrement=False, nullable=False),
        sa.Column("bundle_id", Id, autoincrement=False, nullable=False),
        sa.Column("first_us", Id, nullable=False),
        sa.Column("last_us", Id, nullable=False),
        sa.PrimaryKeyConstraint("node_id", "bundle_id"),
    )
    op.create_index("observation_first", "observation", ["first_us"], unique=False)
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
        sa.Column("snapshot", sa.Boolean(), nullable=False),
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
        sa.Column("at_us", Id, nullable=False),
        sa.Column("type", sa.SmallInteger(), nullable=False),
        sa.Column("edge_set_id", Id, nullable=False),
        sa.Column("incomplete", sa.Boolean(), nullable=False),
        sa.Column("sibling", sa.Text(), nullable=False),
        sa.Column("snapshot", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("run_pk", "position"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "said",
        sa.Column("node_id", Id, autoincrement=False, nullable=False),
        sa.Column("position", Id, autoincrement=False, nullable=False),
        sa.Column("at_us", Id, nullable=False),
        sa.Column("bundle_id", Id, nullable=False),
        sa.Column("known", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("node_id", "position"),
        sqlite_with_rowid=False,
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
        "spelling",
        sa.Column("key", sa.LargeBinary(), nullable=False),
        sa.Column("node_id", Id, nullable=False),
        sa.Column("namespace", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("rules", sa.Text(), nullable=False),
        sa.Column("folded", sa.Text(), nullable=False),
        sa.Column("first_us", Id, nullable=False),
        sa.Column("position", Id, nullable=False),
        sa.PrimaryKeyConstraint("key"),
    )
    op.create_index("spelling_node", "spelling", ["node_id"], unique=False)
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
    op.create_table(
        "verdict",
        sa.Column("source_id", Id, autoincrement=False, nullable=False),
        sa.Column("target_id", Id, autoincrement=False, nullable=False),
        sa.Column("field", sa.Boolean(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("at_us", Id, nullable=False),
        sa.Column("position", Id, nullable=False),
        sa.PrimaryKeyConstraint("source_id", "target_id", "field"),
    )
    op.create_index("verdict_target", "verdict", ["target_id"], unique=False)

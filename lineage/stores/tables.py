"""The tables of the catalog. SQLite and PostgreSQL, one definition; api/migrations makes them.

Times are microseconds since the epoch (`…_us`). `key` and `digest` are SHA-256: identifiers may be longer than an index
of PostgreSQL takes. Ids are dense, given by the one projector that writes here, and start at 1.
Node, field and edge carry `changed`, their place in the feed that graph stores follow.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, LargeBinary, MetaData, SmallInteger, Table, Text
from sqlalchemy.types import TypeEngine

metadata = MetaData()

Id: TypeEngine[int] = BigInteger().with_variant(Integer, "sqlite")


def _key() -> Column[int]:
    return Column("id", Id, primary_key=True, autoincrement=False)


# One row: how far the journal was applied, where the feed ends, and which build of the catalog this is.
projection = Table(
    "projection",
    metadata,
    Column("name", Text, primary_key=True),
    Column("position", Id, nullable=False),
    Column("changed", Id, nullable=False),
    Column("generation", Id, nullable=False),
)

namespace = Table(
    "namespace",
    metadata,
    _key(),
    Column("key", LargeBinary, nullable=False, unique=True),
    Column("name", Text, nullable=False),
)

# Datasets and jobs. known: false for a dataset named only as a column's origin. leaf: the last part of the name, lower
# case, at most 200 characters, for search. parent_id: the containing job, 0 for none.
# A name that was given up by a rename and used again has a row for each incarnation: name_id is that of the first, the
# own id where it is the first; since_us is when it begins, the least integer for the first. same_id: the node that
# stands for all that are joined with this one, the own id where it stands for itself. dropped_us: of the last DROP.
# listed: it stands for itself, one that it stands for is known, and it wasn't dropped since it was last spoken of.
node = Table(
    "node",
    metadata,
    _key(),
    Column("key", LargeBinary, nullable=False, unique=True),
    Column("kind", SmallInteger, nullable=False),
    Column("namespace_id", Id, nullable=False),
    Column("name", Text, nullable=False),
    Column("leaf", Text, nullable=False),
    Column("known", Boolean, nullable=False),
    Column("parent_id", Id, nullable=False),
    Column("first_us", Id, nullable=False),
    Column("description", Text),
    Column("name_id", Id, nullable=False),
    Column("since_us", Id, nullable=False),
    Column("same_id", Id, nullable=False),
    Column("dropped_us", Id),
    Column("listed", Boolean, nullable=False),
    Column("changed", Id, nullable=False),
    Index("node_same", "same_id"),
    Index("node_name", "name_id"),
    Index("node_leaf", "leaf"),
    Index("node_namespace", "namespace_id", "kind"),
    Index("node_parent", "parent_id"),
    Index("node_first", "first_us"),
    Index("node_changed", "changed"),
)

# same_id: the field that stands for this one in the graph: of the same name, in the dataset that stands for its own.
field = Table(
    "field",
    metadata,
    _key(),
    Column("key", LargeBinary, nullable=False, unique=True),
    Column("dataset_id", Id, nullable=False),
    Column("name", Text, nullable=False),
    Column("same_id", Id, nullable=False),
    Column("changed", Id, nullable=False),
    Index("field_dataset", "dataset_id"),
    Index("field_changed", "changed"),
)

# What facets say, each content once; a bundle is what one event said of one node; an observation, when it was said.
facet = Table(
    "facet",
    metadata,
    _key(),
    Column("digest", LargeBinary, nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("body", LargeBinary, nullable=False),
)
bundle = Table(
    "bundle",
    metadata,
    _key(),
    Column("digest", LargeBinary, nullable=False, unique=True),
    Column("facet_ids", LargeBinary, nullable=False),  # int64, little endian
)
observation = Table(
    "observation",
    metadata,
    Column("node_id", Id, primary_key=True, autoincrement=False),
    Column("bundle_id", Id, primary_key=True, autoincrement=False),
    Column("first_us", Id, nullable=False),
    Column("last_us", Id, nullable=False),
    Index("observation_first", "first_us"),  # what was said for the first time between two times: GET /diff
)

# Every time that something was said of a node, and by which event: what was true at a time, as it was known at another.
# known: false where the node was only named as a column's origin.
said = Table(
    "said",
    metadata,
    Column("node_id", Id, primary_key=True, autoincrement=False),
    Column("position", Id, primary_key=True, autoincrement=False),
    Column("at_us", Id, nullable=False),
    Column("bundle_id", Id, nullable=False),
    Column("known", Boolean, nullable=False),
    sqlite_with_rowid=False,
)

# A run of a job, or (origin declared) one declaration of a job's or dataset's edges. edge_set_id: all that it showed.
run = Table(
    "run",
    metadata,
    _key(),
    Column("key", LargeBinary, nullable=False, unique=True),
    Column("run_id", Text, nullable=False),
    Column("owner_id", Id, nullable=False),
    Column("origin", SmallInteger, nullable=False),
    Column("first_us", Id, nullable=False),
    Column("last_us", Id, nullable=False),
    Column("start_us", Id),  # of the newest START
    Column("terminal_us", Id),
    Column("terminal", Text),
    Column("running", Boolean, nullable=False),
    Column("nominal_start_us", Id),
    Column("nominal_end_us", Id),
    Column("parent_run", Text),
    Column("parent_id", Id, nullable=False),
    Column("root_run", Text),
    Column("root_id", Id, nullable=False),
    Column("error", Text),
    Column("error_us", Id),
    Column("sibling", Text, nullable=False),
    Column("incomplete", Boolean, nullable=False),
    Column("snapshot", Boolean, nullable=False),
    Column("edge_set_id", Id, nullable=False),
    Index("run_run_id", "run_id"),
    Index("run_owner", "owner_id", "first_us"),
    Index("run_first", "first_us"),
)
# What each event told of its run (or was, as a declaration). type: its place in lineage.facts.EVENT_TYPES. edge_set_id:
# what it showed, 0 for nothing. With these alone the life of edges can be told as it was known at any position.
run_event = Table(
    "run_event",
    metadata,
    Column("run_pk", Id, primary_key=True, autoincrement=False),
    Column("position", Id, primary_key=True, autoincrement=False),
    Column("at_us", Id, nullable=False),
    Column("type", SmallInteger, nullable=False),
    Column("edge_set_id", Id, nullable=False),
    Column("incomplete", Boolean, nullable=False),
    Column("sibling", Text, nullable=False),
    Column("snapshot", Boolean, nullable=False),
    sqlite_with_rowid=False,
)

# The outputs of a job that have sources of their own are nodes of the graph, hidden behind the job: ids in the space of
# `node`. name: the id of the output.
flow = Table(
    "flow",
    metadata,
    _key(),
    Column("key", LargeBinary, nullable=False, unique=True),
    Column("job_id", Id, nullable=False),
    Column("name", Text, nullable=False),
    Column("changed", Id, nullable=False),
    Index("flow_job", "job_id"),
    Index("flow_changed", "changed"),
)

# owner_id: the job, or the dataset of a declaration without a job. source_id, target_id: nodes for READ and WROTE,
# fields for DERIVED, as asserted. flow_id: the job's flow that a READ goes into or a WROTE comes from, 0 for the job
# itself. tail_id, head_id: its ends in the graph: the flow, or what stands for the node or field. published: both its
# datasets are known. suppressed: a person said that it isn't so.
edge = Table(
    "edge",
    metadata,
    _key(),
    Column("key", LargeBinary, nullable=False, unique=True),
    Column("kind", SmallInteger, nullable=False),
    Column("source_id", Id, nullable=False),
    Column("target_id", Id, nullable=False),
    Column("owner_id", Id, nullable=False),
    Column("origin", SmallInteger, nullable=False),
    Column("basis", SmallInteger, nullable=False),
    Column("type", Text, nullable=False),
    Column("subtype", Text, nullable=False),
    Column("masking", Boolean, nullable=False),
    Column("flow_id", Id, nullable=False),
    Column("tail_id", Id, nullable=False),
    Column("head_id", Id, nullable=False),
    Column("published", Boolean, nullable=False),
    Column("suppressed", Boolean, nullable=False),
    Column("changed", Id, nullable=False),
    Index("edge_source", "source_id", "kind"),
    Index("edge_target", "target_id", "kind"),
    Index("edge_tail", "tail_id", "kind"),
    Index("edge_head", "head_id", "kind"),
    Index("edge_owner", "owner_id"),
    Index("edge_changed", "changed"),
)
life = Table(
    "life",
    metadata,
    Column("edge_id", Id, primary_key=True, autoincrement=False),
    Column("opened_us", Id, primary_key=True, autoincrement=False),
    Column("closed_us", Id, nullable=False),
    Index("life_opened", "opened_us"),
    Index("life_closed", "closed_us"),
)
edge_set = Table(
    "edge_set",
    metadata,
    _key(),
    Column("digest", LargeBinary, nullable=False, unique=True),
    Column("edge_ids", LargeBinary, nullable=False),  # int64, little endian, ascending
)
# How often and until when an owner showed just this set of edges.
series = Table(
    "series",
    metadata,
    Column("owner_id", Id, primary_key=True, autoincrement=False),
    Column("origin", SmallInteger, primary_key=True),
    Column("edge_set_id", Id, primary_key=True, autoincrement=False),
    Column("runs", Id, nullable=False),
    Column("last_us", Id, nullable=False),
)

# Present owners, tags, aliases: read off the newest facets, for lists and filters.
owner = Table(
    "owner",
    metadata,
    Column("node_id", Id, primary_key=True, autoincrement=False),
    Column("ordinal", Integer, primary_key=True),
    Column("name", Text, nullable=False),
    Column("type", Text, nullable=False),
    Index("owner_name", "name"),
)
tag = Table(
    "tag",
    metadata,
    Column("node_id", Id, primary_key=True, autoincrement=False),
    Column("ordinal", Integer, primary_key=True),
    Column("field", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("value", Text, nullable=False),
    Column("source", Text, nullable=False),
    Index("tag_key", "key"),
)
alias = Table(
    "alias",
    metadata,
    Column("node_id", Id, primary_key=True, autoincrement=False),
    Column("ordinal", Integer, primary_key=True),
    Column("namespace", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("type", Text, nullable=False),
)

# Names as events wrote them, where they are not the canonical one. key: over node, namespace and name. position: of the
# first event by its place in the journal.
spelling = Table(
    "spelling",
    metadata,
    Column("key", LargeBinary, primary_key=True),
    Column("node_id", Id, nullable=False),
    Column("namespace", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("rules", Text, nullable=False),  # ids, joined by blanks
    Column("folded", Text, nullable=False),
    Column("first_us", Id, nullable=False),
    Column("position", Id, nullable=False),
    Index("spelling_node", "node_id"),
)
# Two names that an event says are one. key: over both, how and type. one_id: of the dataset that said it.
joint = Table(
    "joint",
    metadata,
    Column("key", LargeBinary, primary_key=True),
    Column("one_id", Id, nullable=False),
    Column("other_id", Id, nullable=False),
    Column("how", Text, nullable=False),
    Column("type", Text, nullable=False),
    Column("first_us", Id, nullable=False),
    Column("last_us", Id, nullable=False),
    Column("position", Id, nullable=False),
    Index("joint_one", "one_id"),
    Index("joint_other", "other_id"),
)
# The last word of a person on two names. key: over both, the lesser first. one_id is the lesser.
decision = Table(
    "decision",
    metadata,
    Column("key", LargeBinary, primary_key=True),
    Column("one_id", Id, nullable=False),
    Column("other_id", Id, nullable=False),
    Column("action", Text, nullable=False),
    Column("into_id", Id, nullable=False),
    Column("author", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("at_us", Id, nullable=False),
    Column("position", Id, nullable=False),
    Index("decision_one", "one_id"),
    Index("decision_other", "other_id"),
)
# DROPs, and renames away from a name. other_id: the new name of a rename, 0 for a DROP. Several renames of one name at
# one time contradict each other: the least new name by key stands, the others are conflicts.
lifecycle = Table(
    "lifecycle",
    metadata,
    Column("name_id", Id, primary_key=True, autoincrement=False),
    Column("at_us", Id, primary_key=True, autoincrement=False),
    Column("other_id", Id, primary_key=True, autoincrement=False),
    Column("position", Id, nullable=False),
    Index("lifecycle_other", "other_id"),
)
# Jobs that wait for jobs.
control = Table(
    "control",
    metadata,
    Column("upstream_id", Id, primary_key=True, autoincrement=False),
    Column("downstream_id", Id, primary_key=True, autoincrement=False),
    Column("rule", Text, nullable=False),
    Column("first_us", Id, nullable=False),
    Column("last_us", Id, nullable=False),
    Index("control_downstream", "downstream_id"),
)
# The last word of a person on an edge between two nodes (or fields: field true).
verdict = Table(
    "verdict",
    metadata,
    Column("source_id", Id, primary_key=True, autoincrement=False),
    Column("target_id", Id, primary_key=True, autoincrement=False),
    Column("field", Boolean, primary_key=True),
    Column("action", Text, nullable=False),
    Column("author", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("at_us", Id, nullable=False),
    Column("position", Id, nullable=False),
    Index("verdict_target", "target_id"),
)

# Per run: checks of a dataset, and what the run measured of it. run_pk 0: said outside a run.
assertion = Table(
    "assertion",
    metadata,
    Column("dataset_id", Id, primary_key=True, autoincrement=False),
    Column("run_pk", Id, primary_key=True, autoincrement=False),
    Column("key", LargeBinary, primary_key=True),  # over assertion, column and name
    Column("assertion", Text, nullable=False),
    Column("column", Text),
    Column("success", Boolean),
    Column("severity", Text),
    Column("at_us", Id, nullable=False),
    Column("detail", LargeBinary, nullable=False),
)
statistic = Table(
    "statistic",
    metadata,
    Column("dataset_id", Id, primary_key=True, autoincrement=False),
    Column("run_pk", Id, primary_key=True, autoincrement=False),
    Column("role", Text, primary_key=True),
    Column("facet", Text, primary_key=True),
    Column("at_us", Id, nullable=False),
    Column("body", LargeBinary, nullable=False),
)

# Events that could not be applied: a fault of ours, kept so that the others go on. A rebuild tries them again.
failure = Table(
    "failure",
    metadata,
    Column("position", Id, primary_key=True, autoincrement=False),
    Column("reason", Text, nullable=False),
)

receipt = Table(
    "receipt",
    metadata,
    Column("position", Id, primary_key=True, autoincrement=False),
    Column("added", Integer, nullable=False),
    Column("confirmed", Integer, nullable=False),
    Column("not_linked", LargeBinary),
)

"""The command line. How each command is spelt stands here, what it does in api/commands: imported when it is called,
so that `headwater --help` answers at once.

Exit status: 0 done, 1 failed, 2 called wrongly, 3 a check said no.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from api.errors import ApiError

FAILED, USAGE, SAID_NO, INTERRUPTED = 1, 2, 3, 130

app = typer.Typer(
    name="headwater",
    help="Data lineage: where does this come from, and what breaks if I change it?",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
ingest = typer.Typer(help="Take events in, past the HTTP door.", no_args_is_help=True)
app.add_typer(ingest, name="ingest")
report = typer.Typer(help="Reports over everything.", no_args_is_help=True)
app.add_typer(report, name="report")
metadata = typer.Typer(help="What people say of datasets, jobs and columns.", no_args_is_help=True)
app.add_typer(metadata, name="metadata")

Data = Annotated[
    Path | None,
    typer.Option("--data", metavar="DIR", help="Folder of a local Headwater; default ./headwater-data."),
]
Url = Annotated[str | None, typer.Option("--url", help="Ask the server at this address; or HEADWATER_URL.")]
Token = Annotated[str | None, typer.Option("--token", help="API key for --url; or HEADWATER_TOKEN.")]
DatabaseUrl = Annotated[
    str | None, typer.Option("--database-url", metavar="URL", help="PostgreSQL for journal and catalog.")
]
Graph = Annotated[str | None, typer.Option("--graph", metavar="STORE", help="embedded, or neo4j://… or bolt://…")]
Format = Literal["tree", "json", "mermaid", "dot", "csv", "ndjson", "graphml"]


@app.command()
def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on; default 127.0.0.1.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on; default 8000, 0 takes a free one.")] = None,
    data: Data = None,
    database_url: DatabaseUrl = None,
    graph: Graph = None,
) -> None:
    """Serve the API until told to stop."""
    from api.commands.serving import serve as run
    from api.settings import load

    run(load(host=host, port=port, data=data, database_url=database_url, graph=graph))


@app.command()
def demo(
    port: Annotated[int, typer.Option(help="Port to serve on; 0 takes a free one.")] = 8000,
    serve: Annotated[bool, typer.Option("--serve/--no-serve", help="Serve the API at the end.")] = True,
    data: Annotated[
        Path | None, typer.Option("--data", metavar="DIR", help="Folder to keep it in; default ./headwater-demo.")
    ] = None,
) -> None:
    """Sample Airflow and dbt events, a trace, a report of what a change would touch, then the API."""
    from api.demo.tour import run

    run(data=data, port=port, serve=serve)


@ingest.command("events")
def ingest_events(
    files: Annotated[
        list[str], typer.Argument(metavar="FILE…", help="NDJSON, a JSON array or one event; plain or gzip; - is stdin.")
    ],
    data: Data = None,
    url: Url = None,
    token: Token = None,
    from_start: Annotated[bool, typer.Option("--from-start", help="Forget where an interrupted run stopped.")] = False,
) -> None:
    """Take in files of OpenLineage events. Started again after an interruption, it goes on where it was."""
    from api.commands.doors import Where
    from api.commands.ingesting import ingest_events as run

    run(files, Where(data, url, token), from_start=from_start)


@ingest.command("dbt")
def ingest_dbt(
    target: Annotated[Path, typer.Argument(metavar="TARGET", help="dbt's target folder, with manifest.json.")],
    namespace: Annotated[
        str | None,
        typer.Option(help="Of the warehouse's tables, as postgres://db:5432; default: from profiles.yml."),
    ] = None,
    job_namespace: Annotated[
        str | None, typer.Option(help="Of dbt's jobs; default: OPENLINEAGE_NAMESPACE, then dbt.")
    ] = None,
    data: Data = None,
    url: Url = None,
    token: Token = None,
) -> None:
    """Take in a dbt project: manifest.json, and run_results.json, catalog.json, sources.json if they are there."""
    from api.commands.doors import Where
    from api.commands.projects import ingest_dbt as run

    run(target, Where(data, url, token), namespace, job_namespace or os.environ.get("OPENLINEAGE_NAMESPACE"))


@app.command()
def trace(
    node: Annotated[
        str, typer.Argument(metavar="ID", help="dataset:NAMESPACE:NAME, job:… or datasetField:NAMESPACE:NAME:FIELD")
    ],
    upstream: Annotated[bool, typer.Option("--upstream", help="Only where it comes from.")] = False,
    downstream: Annotated[bool, typer.Option("--downstream", help="Only what depends on it.")] = False,
    both: Annotated[bool, typer.Option("--both", help="Both ways; the default.")] = False,
    depth: Annotated[str | None, typer.Option(help="Hops, 0 to 500, or all; default 10.")] = None,
    granularity: Annotated[
        Literal["dataset", "job", "field", "dag"] | None,
        typer.Option(help="What is kept; field follows columns, dag joins whole DAGs."),
    ] = None,
    as_of: Annotated[str | None, typer.Option(metavar="TIME", help="True at that time, RFC 3339.")] = None,
    known_at: Annotated[str | None, typer.Option(metavar="TIME", help="As it was known at that time.")] = None,
    min_basis: Annotated[
        Literal["explicit", "column", "parsed", "implicit_single", "implicit_product"] | None,
        typer.Option(metavar="BASIS", help="Only edges known at least this well: explicit, column, parsed, …"),
    ] = None,
    min_position: Annotated[
        int | None, typer.Option(metavar="N", help="Wait until the event at this position is in the answer.")
    ] = None,
    select: Annotated[
        str | None, typer.Option(metavar="SELECTION", help="Only nodes that this means, and edges between them.")
    ] = None,
    form: Annotated[Format, typer.Option("--format", help="How it is written.")] = "tree",
    every: Annotated[bool, typer.Option("--all", help="Tree: show every sibling, however many.")] = False,
    data: Data = None,
    url: Url = None,
    token: Token = None,
) -> None:
    """Where a dataset, job or column comes from, and what depends on it."""
    from api.commands.doors import Where
    from api.commands.errors import BadUsage
    from api.commands.tracing import trace as run

    if upstream + downstream + both > 1:
        raise BadUsage("--upstream, --downstream and --both exclude each other; give one of them")
    direction = "upstream" if upstream else "downstream" if downstream else "both"
    run(
        Where(data, url, token),
        node,
        form=form,
        siblings=0 if every else 12,
        direction=direction,
        depth=depth,
        granularity=granularity,
        as_of=as_of,
        known_at=known_at,
        min_basis=min_basis,
        min_position=min_position,
        select=select,
    )


@app.command()
def paths(
    source: Annotated[str, typer.Argument(metavar="SOURCE", help="A node, as of `headwater trace`.")],
    target: Annotated[str, typer.Argument(metavar="TARGET", help="The node that it may lead to.")],
    granularity: Annotated[
        Literal["dataset", "job", "field"] | None, typer.Option(help="What a path shows; field follows columns.")
    ] = None,
    k: Annotated[int | None, typer.Option("-k", help="Paths to show, 1 to 100; default 5.")] = None,
    as_of: Annotated[str | None, typer.Option(metavar="TIME", help="True at that time, RFC 3339.")] = None,
    known_at: Annotated[str | None, typer.Option(metavar="TIME", help="As it was known at that time.")] = None,
    min_basis: Annotated[
        Literal["explicit", "column", "parsed", "implicit_single", "implicit_product"] | None,
        typer.Option(metavar="BASIS", help="Only edges known at least this well: explicit, column, parsed, …"),
    ] = None,
    form: Annotated[Literal["text", "json"], typer.Option("--format", help="How it is written.")] = "text",
    data: Data = None,
    url: Url = None,
    token: Token = None,
) -> None:
    """How one node leads to another: the shortest paths, what all go through, or why there is none."""
    from api.commands.doors import Where
    from api.commands.shapes import paths as run

    run(
        Where(data, url, token),
        source,
        target,
        form=form,
        granularity=granularity,
        k=k,
        as_of=as_of,
        known_at=known_at,
        min_basis=min_basis,
    )


@report.command("lineage")
def report_lineage(
    form: Annotated[Literal["table", "json", "md"], typer.Option("--format", help="How it is written.")] = "table",
    limit: Annotated[int | None, typer.Option(help="Orphaned datasets to name, 0 to 1,000; default 100.")] = None,
    as_of: Annotated[str | None, typer.Option(metavar="TIME", help="True at that time, RFC 3339.")] = None,
    known_at: Annotated[str | None, typer.Option(metavar="TIME", help="As it was known at that time.")] = None,
    data: Data = None,
    url: Url = None,
    token: Token = None,
) -> None:
    """The shape of the whole graph: size, depth, cycles, what most depends on, what stands alone, coverage."""
    from api.commands.doors import Where
    from api.commands.shapes import report as run

    run(Where(data, url, token), form=form, limit=limit, as_of=as_of, known_at=known_at)


@app.command()
def diff(
    node: Annotated[str | None, typer.Argument(metavar="[ID]", help="Only around this dataset, job or column.")] = None,
    since: Annotated[str | None, typer.Option("--from", metavar="TIME", help="The earlier time, RFC 3339.")] = None,
    until: Annotated[str | None, typer.Option("--to", metavar="TIME", help="The later time; default: now.")] = None,
    from_run: Annotated[str | None, typer.Option(metavar="RUN", help="A run, instead of times.")] = None,
    to_run: Annotated[str | None, typer.Option(metavar="RUN", help="The run it is compared with.")] = None,
    depth: Annotated[int | None, typer.Option(help="Hops around the node, up and down; default 10.")] = None,
    limit: Annotated[int | None, typer.Option(help="Rows of each list; default 1,000.")] = None,
    form: Annotated[Literal["table", "json"], typer.Option("--format", help="How it is written.")] = "table",
    data: Data = None,
    url: Url = None,
    token: Token = None,
) -> None:
    """What came, went and changed between two times, in all or around a node, or between two runs."""
    from api.commands.comparing import diff as run
    from api.commands.doors import Where

    where = Where(data, url, token)
    run(
        where,
        node,
        form=form,
        since=since,
        until=until,
        from_run=from_run,
        to_run=to_run,
        depth=depth,
        limit=limit,
    )


@app.command("ls")
def list_selected(
    selection: Annotated[
        str, typer.Argument(metavar="SELECTION", help="As '+orders+2', 'tag:pii and not namespace:dev', '*'.")
    ],
    as_of: Annotated[str | None, typer.Option(metavar="TIME", help="For +: edges alive then, RFC 3339.")] = None,
    min_basis: Annotated[
        Literal["explicit", "column", "parsed", "implicit_single", "implicit_product"] | None,
        typer.Option(metavar="BASIS", help="For +: only edges known at least this well."),
    ] = None,
    min_position: Annotated[
        int | None, typer.Option(metavar="N", help="Wait until the event at this position is in the answer.")
    ] = None,
    limit: Annotated[int, typer.Option(min=0, help="How many are shown; 0 for all.")] = 100,
    form: Annotated[Literal["table", "ids", "json"], typer.Option("--format", help="How they are written.")] = "table",
    data: Data = None,
    url: Url = None,
    token: Token = None,
) -> None:
    """List the datasets and jobs that a selection means (docs/selection.md)."""
    from api.commands.doors import Where
    from api.commands.listing import list_selected as run

    where = Where(data, url, token)
    run(where, selection, limit, form=form, as_of=as_of, min_basis=min_basis, min_position=min_position)


@metadata.command("set")
def set_metadata(
    node: Annotated[
        str, typer.Argument(metavar="ID", help="dataset:NAMESPACE:NAME, job:… or datasetField:NAMESPACE:NAME:FIELD")
    ],
    owner: Annotated[
        list[str] | None, typer.Option(metavar="NAME[=TYPE]", help="In place of all others; may be repeated.")
    ] = None,
    tag: Annotated[
        list[str] | None, typer.Option(metavar="KEY[=VALUE]", help="Beside those of producers; may be repeated.")
    ] = None,
    remove_tag: Annotated[
        list[str] | None, typer.Option(metavar="KEY[=VALUE]", help="A producer's tag that doesn't hold.")
    ] = None,
    description: Annotated[str | None, typer.Option(help="In place of any other.")] = None,
    criticality: Annotated[
        Literal["low", "medium", "high", "critical"] | None, typer.Option(help="How much depends on it.")
    ] = None,
    window: Annotated[
        int | None, typer.Option(min=1, metavar="RUNS", help="Of a job: runs in a row that may lack an edge.")
    ] = None,
    take_back: Annotated[
        list[str] | None,
        typer.Option(metavar="WORD", help="owners, tags, description, criticality or window: nobody says it any more."),
    ] = None,
    reason: Annotated[str | None, typer.Option(help="Kept with it.")] = None,
    data: Data = None,
    url: Url = None,
    token: Token = None,
) -> None:
    """Say who owns it, what it is, how much depends on it; no automation undoes that."""
    from api.commands.describing import set_metadata as run
    from api.commands.doors import Where

    run(
        Where(data, url, token),
        node,
        owners=owner or (),
        tags=tag or (),
        removed_tags=remove_tag or (),
        taken_back=take_back or (),
        description=description,
        criticality=criticality,
        window=window,
        reason=reason,
    )


@app.command()
def identity(
    node: Annotated[str, typer.Argument(metavar="ID", help="A dataset, by any of its names.")],
    merge: Annotated[str | None, typer.Option(metavar="ID", help="Say that this is the same dataset.")] = None,
    split: Annotated[str | None, typer.Option(metavar="ID", help="Say that this name is another dataset's.")] = None,
    into: Annotated[str | None, typer.Option(metavar="ID", help="With --merge: whose name both have then.")] = None,
    reason: Annotated[str, typer.Option(help="Kept with the word.")] = "",
    form: Annotated[Literal["table", "json"], typer.Option("--format", help="How it is written.")] = "table",
    data: Data = None,
    url: Url = None,
    token: Token = None,
) -> None:
    """Every name of a dataset and what made it one; or a person's word on it."""
    from api.commands.doors import Where
    from api.commands.errors import BadUsage
    from api.commands.naming import decide, show_identity

    where = Where(data, url, token)
    if merge and split:
        raise BadUsage("--merge and --split say the opposite; give one of them")
    if merge or split:
        decide(where, "merge" if merge else "split", node, merge or split or "", into=into, reason=reason)
    else:
        show_identity(where, node, form=form)


@app.command()
def conflicts(
    node: Annotated[
        str | None, typer.Argument(metavar="[ID]", help="Only those that this dataset has a part in.")
    ] = None,
    form: Annotated[Literal["table", "json"], typer.Option("--format", help="How they are written.")] = "table",
    data: Data = None,
    url: Url = None,
    token: Token = None,
) -> None:
    """Where people and automation, or two events, say the opposite."""
    from api.commands.doors import Where
    from api.commands.naming import show_conflicts

    show_conflicts(Where(data, url, token), node, form=form)


@app.command()
def rebuild(
    graph_too: Annotated[bool, typer.Option("--graph", help="The graph, from the catalog.")] = False,
    catalog: Annotated[bool, typer.Option("--catalog", help="The catalog from the journal, then the graph.")] = False,
    data: Data = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Throw a projection away and make it again; nothing in the journal changes."""
    from api.commands.doors import Where
    from api.commands.errors import BadUsage
    from api.commands.keeping import rebuild as run

    if not graph_too and not catalog:
        raise BadUsage("say what to rebuild: --graph or --catalog")
    run(Where(data, database_url=database_url), graph=graph_too, catalog=catalog)


@app.command()
def check(data: Data = None, database_url: DatabaseUrl = None, graph: Graph = None) -> None:
    """Compare journal, catalog and graph; exit status 3 if anything differs."""
    from api.commands.doors import Where
    from api.commands.keeping import check as run

    run(Where(data, database_url=database_url, graph=graph))


@app.command()
def migrate(data: Data = None, database_url: DatabaseUrl = None) -> None:
    """Bring the databases to the schema of this version."""
    from api.commands.doors import Where
    from api.commands.keeping import migrate as run

    run(Where(data, database_url=database_url))


@app.command()
def export(
    only_hash: Annotated[bool, typer.Option("--hash", help="Only the SHA-256 of it.")] = False,
    data: Data = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Write the catalog as NDJSON in canonical order: equal states give equal bytes."""
    from api.commands.doors import Where
    from api.commands.keeping import export as run

    run(Where(data, database_url=database_url), only_hash=only_hash)


def main() -> None:
    """The console script."""
    try:
        sys.exit(run(sys.argv[1:]))
    except BrokenPipeError:
        # The reader of our output has gone, as `| head` does; the interpreter must not flush into it at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(FAILED)


def run(arguments: list[str]) -> int:
    """Exit status of one call; what failed is one line on stderr, never a traceback."""
    try:
        app(arguments, prog_name="headwater", standalone_mode=True)
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else FAILED
    except KeyboardInterrupt:
        return INTERRUPTED
    except Exception as error:
        status = _status(error)
        if status is None:
            raise
        sys.stderr.write(f"headwater: {error}\n")
        return status
    return 0


def _status(error: Exception) -> int | None:
    """Exit status for what we know how to say; None for a fault of our own, which must show where it is."""
    from api.commands.errors import BadUsage, Differs

    if isinstance(error, BadUsage):
        return USAGE
    if isinstance(error, Differs):
        return SAID_NO
    if isinstance(error, ApiError | OSError):
        return FAILED
    from ingest.errors import IngestError, JournalInUse
    from lineage.errors import LineageError

    return FAILED if isinstance(error, LineageError | IngestError | JournalInUse) else None

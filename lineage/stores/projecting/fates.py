"""What became of the ends of edges: dropped, or renamed so that another incarnation bears the name since."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from lineage.stores.projecting.known import SeriesKey


class Fates:
    """The fates of nodes as far as the lives of edges depend on them. This one knows of none."""

    def __init__(self) -> None:
        self.renewed: set[SeriesKey] = set()  # whose lives a batch made doubtful: they are worked out anew

    def touches(self, edge_ids: Iterable[int]) -> bool:  # noqa: ARG002 - nothing is touched where nothing is known
        """Whether an end of any of these edges was ever dropped or renamed."""
        return False

    def resolved(self, edge_id: int, at_us: int) -> int:  # noqa: ARG002
        """The edge that was meant at a time: between the incarnations that bore the names of its ends then."""
        return edge_id

    def drops(self, edge_id: int) -> Sequence[int]:  # noqa: ARG002
        """When one of the edge's ends was dropped, ascending, microseconds."""
        return ()

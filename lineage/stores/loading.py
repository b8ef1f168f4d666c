"""What every graph store refuses: to answer or to follow before it holds a whole graph."""

from __future__ import annotations

from lineage.errors import StoreUnavailable
from lineage.ports import Changes, Mark


def require_loaded(name: str, mark: Mark | None) -> Mark:
    """The mark a store stands at. Raises StoreUnavailable if it has none: half a graph gives wrong answers."""
    if mark is None:
        raise StoreUnavailable(f"the {name} graph store holds no whole graph yet; it is being loaded, ask again soon")
    return mark


def require_successor(name: str, mark: Mark | None, changes: Changes) -> None:
    """Raises StoreUnavailable unless the changes are of the generation the store was loaded from."""
    generation = require_loaded(name, mark).generation
    if changes.mark.generation != generation:
        raise StoreUnavailable(
            f"the {name} graph store is of generation {generation}, the changes of {changes.mark.generation}; "
            "load it again"
        )

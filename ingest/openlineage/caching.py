"""A bounded cache: memory must not grow with events, however many different ones there are."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")

# One entry may not drive out most others: a table of 50,000 columns is worked out each time instead.
LARGEST_SHARE = 8


class Cache(Generic[Key, Value]):
    """Least recently used goes first, once the weights together pass `limit`.

    >>> cache: Cache[str, int] = Cache(limit=16)
    >>> for name in "abc":
    ...     cache.put(name, 1, weight=2)
    >>> cache.get("a"), cache.get("z"), cache.weight
    (1, None, 6)
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.weight = 0
        self._entries: OrderedDict[Key, tuple[Value, int]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, key: Key) -> Value | None:
        entry = self._entries.get(key)
        if entry is None:
            return None
        self._entries.move_to_end(key)
        return entry[0]

    def put(self, key: Key, value: Value, weight: int) -> None:
        if weight * LARGEST_SHARE > self.limit:
            return
        replaced = self._entries.pop(key, None)
        self.weight += weight - (replaced[1] if replaced else 0)
        self._entries[key] = (value, weight)
        while self.weight > self.limit:
            _, (_, oldest) = self._entries.popitem(last=False)
            self.weight -= oldest

"""Graph algorithms on arrays and plain numbers: they know no lineage. Nothing recurses; chains of 100,000 exist."""

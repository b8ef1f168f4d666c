"""Column lineage out of SQL text. Knows SQL; knows nothing of OpenLineage, of events or of what the catalog holds."""

"""OpenLineage on one side, facts on the other; the only package that knows both."""

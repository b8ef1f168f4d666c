"""How the world tells us: intake, journal, projection, and the readers of OpenLineage."""

"""How a trace is made: where walks begin, what they find, and the rows that show it. `lineage.traces` is the door."""

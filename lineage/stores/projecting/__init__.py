"""Facts into rows, table by table: what a batch has to know, what it changes, what it writes."""

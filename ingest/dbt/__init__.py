"""What dbt leaves behind in its target folder, as OpenLineage events: the world's third way to tell us.

artifacts reads the files, together says whether they are of one project, project knows what depends on what, declared
and runs make the events, profiles finds the namespace.
"""

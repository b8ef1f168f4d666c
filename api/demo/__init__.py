"""A small shop's platform, as it reported itself: real Airflow and dbt runs on one PostgreSQL, recorded as they came.

1-airflow: fourteen DAGs of Airflow 3.3 land, stage and merge orders and customers; some runs fail or are tried again.
2-dbt: `dbt-ol run` of a dbt project that reads tables which those DAGs write.
3-airflow-runs-dbt: the same project, run and tested by an Airflow task, so that its models have a DAG above them.
"""

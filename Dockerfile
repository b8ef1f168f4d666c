# syntax=docker/dockerfile:1
# Two stages: what builds does not ship. Everything comes from the hashed locks.

FROM python:3.13-slim-bookworm AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /src
COPY requirements.lock requirements-dev.lock ./
RUN python -m venv /opt/headwater \
 && /opt/headwater/bin/pip install --require-hashes -r requirements.lock \
 && python -m venv /opt/builder \
 && /opt/builder/bin/pip install --require-hashes -r requirements-dev.lock
COPY pyproject.toml README.md LICENSE ./
COPY lineage lineage
COPY ingest ingest
COPY policies policies
COPY api api
RUN /opt/builder/bin/pip wheel --no-deps --no-build-isolation --wheel-dir /wheels . \
 && /opt/headwater/bin/pip install --no-deps --no-index /wheels/headwater-*.whl \
 && /opt/headwater/bin/python -m compileall -q /opt/headwater/lib

FROM python:3.13-slim-bookworm
LABEL org.opencontainers.image.title="Headwater" \
      org.opencontainers.image.description="Data-lineage and governance catalog, fed by OpenLineage events" \
      org.opencontainers.image.licenses="Apache-2.0"
RUN useradd --uid 10001 --no-create-home --home-dir /data --shell /usr/sbin/nologin headwater \
 && install -d -m 0700 -o headwater -g headwater /data
COPY --from=build /opt/headwater /opt/headwater
ENV PATH=/opt/headwater/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    HEADWATER_DATA=/data \
    HEADWATER_HOST=0.0.0.0 \
    HEADWATER_PORT=8000
USER 10001:10001
WORKDIR /data
VOLUME /data
EXPOSE 8000
# Ready means: takes events and answers from the catalog. Neo4j may be away.
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=6 \
  CMD ["python", "-c", "import os, urllib.request as u; u.urlopen(f\"http://127.0.0.1:{os.environ['HEADWATER_PORT']}/api/v1/health/ready\", timeout=4)"]
ENTRYPOINT ["headwater"]
CMD ["serve"]

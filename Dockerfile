# syntax=docker/dockerfile:1
# Stage 1 builds wheels, stage 2 only installs them: no compiler and no package index in the image that runs.
ARG PYTHON=3.11-slim-bookworm

FROM python:${PYTHON} AS build
WORKDIR /src
# The drivers inside, as a list of extras (setup.cfg). Only what this version can use: each one more is megabytes that
# have to be scanned and patched. `--build-arg EXTRAS=full` brings all.
ARG EXTRAS=uvloop
COPY setup.cfg pyproject.toml README.md LICENSE ./
COPY sockudo_tx ./sockudo_tx
COPY twisted ./twisted
RUN --mount=type=cache,target=/root/.cache/pip \
    pip wheel --quiet --wheel-dir /wheels ".[${EXTRAS}]"

FROM python:${PYTHON}
# pip compiles what it installs. The plugins are listed now, in twisted/plugins/dropin.cache: the file system may be
# read-only when the server runs.
RUN --mount=type=bind,from=build,source=/wheels,target=/wheels \
    pip install --quiet --no-cache-dir --no-index /wheels/*.whl \
 && python -c 'import twisted.plugin, twisted.plugins; twisted.plugin.getCache(twisted.plugins)'
RUN groupadd --gid 1000 sockudo \
 && useradd --uid 1000 --gid 1000 --home-dir /app --no-create-home --shell /usr/sbin/nologin sockudo \
 && mkdir -p /app/config /app/logs /app/ssl /run/sockudo \
 && chown -R sockudo:sockudo /app /run/sockudo
ENV PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    HOST=0.0.0.0 \
    PORT=6001 \
    METRICS_PORT=9601 \
    SOCKUDO_WORKERS=auto \
    HEALTHCHECK_PATH=up
WORKDIR /app
COPY deploy/docker/healthcheck.py ./healthcheck.py
COPY config/config.json config/production.json ./config/
USER 1000:1000
EXPOSE 6001 9601
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=10s --start-period=30s --retries=3 CMD ["python", "/app/healthcheck.py"]
CMD ["sockudo", "--config", "/app/config/config.json"]

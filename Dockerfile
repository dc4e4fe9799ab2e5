# syntax=docker/dockerfile:1
# Stage 1 builds wheels, stage 2 only installs them: no compiler and no package index in the image that runs.
ARG PYTHON=3.11-slim-bookworm

FROM python:${PYTHON} AS build
WORKDIR /src
COPY setup.cfg pyproject.toml README.md LICENSE ./
COPY sockudo_tx ./sockudo_tx
COPY twisted ./twisted
ARG EXTRAS=full
RUN pip wheel --no-cache-dir --wheel-dir /wheels ".[${EXTRAS}]"

FROM python:${PYTHON}
ENV PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    HOST=0.0.0.0 \
    PORT=6001 \
    METRICS_PORT=9601 \
    HEALTHCHECK_PATH=up
RUN groupadd --gid 1000 sockudo \
 && useradd --uid 1000 --gid 1000 --home-dir /app --shell /usr/sbin/nologin sockudo \
 && mkdir -p /app/config /app/logs /app/ssl \
 && chown -R sockudo:sockudo /app
ARG EXTRAS=full
RUN --mount=type=bind,from=build,source=/wheels,target=/wheels \
    pip install --no-cache-dir --no-index --find-links=/wheels "sockudo-tx[${EXTRAS}]" \
 && python -m compileall -q "$(python -c 'import sockudo_tx; print(sockudo_tx.__path__[0])')" \
 # Twisted caches its plugins in a file; make it now, the file system may be read-only later.
 && twistd --help >/dev/null
WORKDIR /app
COPY config/config.json /app/config/config.json
USER 1000:1000
EXPOSE 6001 9601
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=10s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request as r; r.urlopen(f\"http://127.0.0.1:{os.environ['PORT']}/{os.environ['HEALTHCHECK_PATH']}\", timeout=8)"]
CMD ["sockudo", "--config", "/app/config/config.json"]

# suanbu, its embedded PostgreSQL included; mount a volume at /data, or set DATABASE_URL. The root may be read-only.
FROM python:3.11.13-slim-bookworm AS build
WORKDIR /src
RUN python -m venv /opt/suanbu
COPY requirements.runtime.lock ./
RUN /opt/suanbu/bin/pip install --no-cache-dir --disable-pip-version-check --require-hashes -r requirements.runtime.lock
COPY pyproject.toml README.md ./
COPY meter meter
COPY settlement settlement
COPY api api
COPY migrations migrations
RUN /opt/suanbu/bin/pip install --no-cache-dir --disable-pip-version-check --no-deps --no-build-isolation . \
    && /opt/suanbu/bin/pip uninstall --yes --quiet hatchling editables pathspec pluggy trove-classifiers pip
# kernels are compiled for the processor at hand; on another one they are compiled anew at the first start
RUN mkdir -p /data/kernels && NUMBA_CACHE_DIR=/data/kernels /opt/suanbu/bin/suanbu warm

FROM python:3.11.13-slim-bookworm
RUN useradd --system --uid 10001 --home-dir /data --shell /usr/sbin/nologin suanbu
COPY --from=build /opt/suanbu /opt/suanbu
COPY --from=build --chown=10001:10001 /data /data
ENV PATH=/opt/suanbu/bin:$PATH NUMBA_CACHE_DIR=/data/kernels PYTHONDONTWRITEBYTECODE=1
USER 10001
EXPOSE 8000
VOLUME /data
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=120s CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/readyz', timeout=4)"]
CMD ["suanbu", "serve", "--host", "0.0.0.0", "--port", "8000", "--data", "/data"]

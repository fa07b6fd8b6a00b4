# The service with its embedded PostgreSQL; mount a volume at /data, or set DATABASE_URL.
FROM python:3.11-slim
RUN useradd --create-home --uid 10001 suanbu && mkdir /data && chown suanbu /data
WORKDIR /app
COPY requirements.lock pyproject.toml README.md ./
RUN pip install --no-cache-dir --require-hashes -r requirements.lock
COPY meter meter
COPY settlement settlement
COPY api api
COPY migrations migrations
RUN pip install --no-cache-dir --no-deps --no-build-isolation .
ENV NUMBA_CACHE_DIR=/app/kernels
RUN mkdir kernels && suanbu warm && chmod -R a+rwX kernels
USER suanbu
EXPOSE 8000
VOLUME /data
HEALTHCHECK CMD python -c "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/readyz')"
CMD ["suanbu", "serve", "--host", "0.0.0.0", "--port", "8000", "--data", "/data"]

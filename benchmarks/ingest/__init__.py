"""Ingest measured over real HTTP, beside bare COPY (the limit) and the service most people would write (the peer)."""

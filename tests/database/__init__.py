"""The embedded PostgreSQL: first start, joining, crash recovery, leaving."""

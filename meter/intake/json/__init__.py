"""JSON, NDJSON and CloudEvents bodies."""

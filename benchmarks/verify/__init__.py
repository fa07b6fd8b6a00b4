"""Verifying the journal, beside bare COPY of the same rows out of the database."""

"""Measures compute: receives, records and rolls up usage, and never mentions policy."""

"""Tests of keys, people, the audit log, city limits and sealed accounts."""

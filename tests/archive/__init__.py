"""Tests of the archive: what is sealed comes back whole, and what was touched is found."""

"""Tests of who may decide what, and of what the database refuses."""

"""Fuzzing: every route with seeded requests that are nearly right, and every reader of files."""

"""Rules of the house that a linter does not know, each checked over all files."""

"""The quarantine as people look at it: grouped by what is wrong and where."""

"""Mutation testing of what moves money: every small change of its code makes some test fail."""

"""Planted bugs: small changes of the code as data, each with the tests that must notice it."""

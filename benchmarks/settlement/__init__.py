"""Measurements of the settlement beside its peers."""

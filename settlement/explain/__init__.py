"""Explaining a line: the steps from use to money."""

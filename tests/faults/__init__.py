"""Faults on purpose: kills, cut connections, slow clients, bombs; each counts how often it hit."""

"""Exact numbers: as clients state them, as quantities of compute, and wider than 64 bits."""

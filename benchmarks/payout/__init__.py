"""Paying a locked settlement's instructions, beside the plain way."""

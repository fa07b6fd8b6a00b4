"""Tests of what comes in: what is accepted, what is refused with which code, and within which bounds."""

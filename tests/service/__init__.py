"""Settlements through the door: run, explained, decided, paid."""

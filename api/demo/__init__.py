"""The demonstration: an invented province, sent through the real service over HTTP, settled and explained."""

"""The door: HTTP, console, metrics and command line; it holds no rule."""

"""The registry: dated facts, repeats, holdings, warnings, over HTTP and as pure functions."""

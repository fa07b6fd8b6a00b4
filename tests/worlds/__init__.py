"""Cases of our own in the shape of a worlds file, computed by hand, and the tests that run them three ways."""

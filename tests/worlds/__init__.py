"""Cases as files (tests/data/worlds), computed by hand, and the tests that run each of them four ways."""

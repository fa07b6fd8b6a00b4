"""Which keys the journal holds: a key file beside it, and the journal's own word."""

"""Checkpoints: signed statements of what was true, kept outside the database, and what differs from them since.

In: the database, a signing key. Out: a statement over the head of the journal, the head of the audit log and every
locked settlement, signed with Ed25519; and, later, what no longer agrees with it, located.
Always: the private key never enters the database; a statement says by which algorithm each digest in it was made.
Does not own: the digests; whether the statements are kept out of reach of whoever has the database's
password.
"""

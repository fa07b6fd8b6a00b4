"""Checkpoints: signed notes of what was true, kept outside the database, and what differs from them since.

In: the database, a signing key. Out: a note over the root of a tree with a leaf for each batch and each row of the
audit log, signed with Ed25519; proofs that something is in it; and, later, what no longer agrees with it, located.
Always: the private key never enters the database; every table says what keeps it honest (covered.py); whoever has the
note and a proof needs no code of ours.
Does not own: the digests of batches and rows; whether notes are kept out of reach of whoever has the database's
password.
"""

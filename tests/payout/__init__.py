"""Tests of paying: leases, a bank that misbehaves, clawbacks."""

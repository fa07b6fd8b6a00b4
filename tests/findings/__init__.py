"""Tests of the sweeps: each against the plainest program that finds the same."""

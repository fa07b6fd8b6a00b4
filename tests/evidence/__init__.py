"""Tests of checkpoints and of the evidence bundle."""

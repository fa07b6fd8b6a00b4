"""Tests of meter/kernels: digests against published examples, and a cache that does not outlive its sources."""

"""Tests that hold the project against the shared documents beside it; each says so when they are absent."""

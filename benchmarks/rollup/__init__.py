"""Measures rollup, archive and findings on a seeded year of a province, beside databases doing the same."""

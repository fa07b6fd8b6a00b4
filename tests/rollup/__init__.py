"""Tests of the exact split over local days and of the sums by day."""

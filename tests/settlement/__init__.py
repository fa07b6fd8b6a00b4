"""Tests of the decision: rounds, readings, netting, award, steps, compare, interval."""

"""Computing settlements: one from its inputs, what-if comparisons, the interval over the readings."""

"""Decides what money follows from measured compute, by the rules of a round."""

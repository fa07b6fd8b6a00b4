"""HTTP as this service speaks it: the protocol, problem documents, bodies within a budget, pages of lists, metrics."""

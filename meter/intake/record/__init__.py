"""One usage record: the authority on what it means, and what it is made of."""

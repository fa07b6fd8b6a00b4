"""The routes under /v1 and of operation: each reads a request, calls one function of the house, and answers."""

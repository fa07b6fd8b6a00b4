"""The document that the service gives of itself, and what its doors make of requests that nobody should send."""

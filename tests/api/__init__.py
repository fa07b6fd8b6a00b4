"""The contract, line by line, over HTTP against the application and a real PostgreSQL."""

"""What tests of the running service share: a real PostgreSQL, keys, clients, records, processes, a proxy."""

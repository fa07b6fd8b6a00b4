"""A bank that misbehaves on purpose, with a durable journal: in a test's own process, or as a process of its own."""

"""Writing the journal: deliveries decided, numbered and committed, one transaction after another."""

"""Who may come in: API keys of machines, people with a password and a second factor, signed requests."""

"""Real GPU traces sent by the dispatch platform's client, and what the service makes of them."""

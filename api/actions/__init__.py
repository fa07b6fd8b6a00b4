"""One door for keys and people: runs, decisions, payouts and clawbacks are the same for an API key and in the console."""

"""One door for keys and people: runs, decisions, payouts, clawbacks, the same by API key and in the console."""

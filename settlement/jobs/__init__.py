"""Jobs around settlements: read as of one batch, compute, write in one transaction."""

"""The journal: decisions, the digest chain and its verification, races, tampering."""

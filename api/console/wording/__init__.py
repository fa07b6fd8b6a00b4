"""How the console says things in Chinese: codes, refusals, findings, steps, formulas, quantities."""

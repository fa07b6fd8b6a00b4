"""How long a settlement's spreadsheet takes, beside the bare library writing as many cells."""

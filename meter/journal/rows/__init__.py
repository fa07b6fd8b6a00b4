"""Journal rows: their layout, making them of checked records, reading their measured columns back."""

"""The migrations: equal to the tables, applied once however many apply them."""

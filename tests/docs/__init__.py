"""The pages: their links and sections exist, their limits are the code's, their quotes can be compared."""

"""The console: who gets in, what the pages say, and that nothing hostile comes through."""

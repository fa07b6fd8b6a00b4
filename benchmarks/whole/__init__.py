"""What a person waits for, over HTTP: registration, usage, a settlement, its verification and its reports."""

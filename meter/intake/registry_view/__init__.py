"""What intake knows of the registry at one batch number: facilities, chips and party numbers."""

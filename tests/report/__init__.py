"""Reports: what leaves the house is exact, safe and in the notice's form."""

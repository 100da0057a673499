"""Who calls: credentials and where they come from, signatures, the clock they go by."""

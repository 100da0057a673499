"""One call under way: what is known of it, recovery from a rejected attempt, what is reported."""

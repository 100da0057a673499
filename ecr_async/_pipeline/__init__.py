"""One call under way: its state, recovery from a rejected attempt, instrumentation."""

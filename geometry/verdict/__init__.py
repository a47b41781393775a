"""The verdict: what state a set is in, and what has changed against the reference, each word with its evidence."""

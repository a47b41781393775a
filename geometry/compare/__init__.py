"""One set against a reference: what was kept, what was lost, and how far apart the two laws are."""

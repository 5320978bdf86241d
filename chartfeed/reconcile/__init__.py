"""`chartfeed reconcile`: files against the sources, row by row."""

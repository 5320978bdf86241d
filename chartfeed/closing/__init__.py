"""`chartfeed day close`: a day is waited for, checked, marked as final, and told of."""

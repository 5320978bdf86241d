"""Dead letters: what could not be taken in, why, where, and what helps."""

"""Mappings: what waits for review, the review itself, and the trail of who approved what."""

"""Matching: from a catalog and profiles of its values to a proposed mapping, without any I/O.

Read in this order: `names` and `vocabulary` (what names say), `profiles`, `fitness` and `fullness`
(what values say), `evidence` (the one rule that combines them), `columns` and `column_values`,
`tables`, `question`, `sampling` (what to read next), `proposal`.
"""

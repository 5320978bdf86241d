"""Parsed T-SQL rendered as SQLite text: names resolved, types worked out, values bound.

Read `bound` (an expression's text, type and late-bound value), `scope` (which names there are) and
`surroundings` (what is asked of the session). Each renderer builds on the one before: `scalars` and
`predicates` (expressions), `functions`, `builtins` and `aggregates` (functions), `named`,
`changes`, `generated` and `sources` (FROM), `selects` (queries), `assignments`, `inserts` and
`writes` (INSERT, UPDATE, DELETE).
"""

"""Parsed T-SQL rendered as SQLite text: names resolved, types worked out, values bound.

Read `bound` (an expression's text, type and late-bound value), `scope` (which names there are),
`scalars` and `predicates` (expressions), `functions`, `builtins` and `aggregates` (functions),
`sources` and `selects` (queries), `assignments`, `inserts` and `writes`
(INSERT, UPDATE, DELETE).
"""

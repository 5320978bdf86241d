"""Sentences that are made elsewhere, in English, said in German.

What a producer tells, an error or a mapping file holds stays English where it is kept; the console
says it in its reader's language. `sentences` finds the German; the tables are `troubles.json`
(states, errors, next steps; commands stay as they are typed) and `discovery` (evidence, validation,
drift).
"""

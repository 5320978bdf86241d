"""The staff of all practices at work: what `chartfeed local work` does.

Read `book` (what a center holds, and what a transaction changes), `deeds` (what staff do), `desk`
(one center's staff on its connections), `journal` (what was committed, in order), `shift` (all
of them together, at a rate).
"""

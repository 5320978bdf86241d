"""Closing a day: is it whole, is it sound, and since when is it final?

Read `completion` (is every center in it through midnight?), `content` (a day's files, held against
the manifest), `thresholds` (what the configuration says of the checks), `checks` (all seven;
`shape` and `sense` have those that go through rows), `usual` (what a center usually has), `marker`
(what says that a day is final), `report` (what was found, for programs), `readable` (and for
people), `closer` (all of it for one day).
"""

"""From the topics to daily files once more: the worker's join and files, without Faust.

Nothing is published, no group is touched, and what is read ends where it was decided to end before
the first record. Read `source` (a partition's topics, read to given ends), `loading` (into the
join), `shelf` (the days of all partitions), `days` (from there to the files), `claims` (what the
manifests say), `steps` (each whole in itself), `hands` (processes that share them), `journal` (what
an interrupted replay goes on from), `work` (all of it in order), `comparing` (two folders).
"""

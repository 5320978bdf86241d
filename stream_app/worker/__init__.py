"""The worker at its work: batches through the join, its output to Kafka, unified rows to files.

One `worker.Worker` a process owns what `transport` assigns to it. A source partition is a
`lane.Lane`, a thread of its own with the partition's join and its `sender.Sender`; all unified
partitions are one `filing.Filing`, the thread that feeds the sink. What several of them share:
`folder` (the state folder, locked), `published` (unified-entries read once for all partitions
that are rebuilt), `inbox` (what waits for a thread, and when the fetch had better be held back).
"""

"""The join: one source partition's events as unified rows, with their state in one SQLite file.

`partition.Partition` is the door; one object per assignment, used by one thread at a time:

    partition = Partition.open(path, contract)
    partition.rebuilding          # why nothing is published yet, None where it is
    partition.offsets()           # where to read each topic on; {} means from the beginning
    partition.begin_rebuild(ends) # on assignment: while rebuilding, or where others published since
    partition.take(batches)       # one transaction: rows, outbox and offsets together
    partition.read_to_ends        # while rebuilding: time to read unified-entries
    partition.finish_rebuild(published, ends)
    parcel = partition.outbox(limit)
    partition.progress(parcel, ends)   # the Progress messages of the same Kafka transaction
    partition.sent(parcel, ends)       # it has committed
    partition.close()

Read `contract` (what goes in and out), `waiting` (whole source transactions: what a checkpoint
covers), `decoding` (values to rows, and what can't be used), `tables` (the state's tables and
what a change touches), `mirror` (rows into tables), `rows` (touched days to unified rows: the
join), `outbox` and `packs`, `centers` and `unusable` (what is known of each center), `rebuild`
(against what is published), `publication` (what differs, into the outbox), `state` (the file:
made, opened, put aside), `partition`.
"""

from stream_app.join.contract import TOPICS, Contract, Outgoing, Parcel, Taken
from stream_app.join.partition import Partition

__all__ = ["TOPICS", "Contract", "Outgoing", "Parcel", "Partition", "Taken"]

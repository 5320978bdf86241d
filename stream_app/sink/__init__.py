"""From unified entries to daily files that are true.

The worker uses `sink.Sink`: one for the process, safe to be called from any thread.

    sink = Sink(Options(...), schema_of)   opens nothing
    sink.start()                           the threads: the watcher (progress, center-status) and
                                           the flusher (files); leftovers are cleaned
    sink.assign(partition, end)            opens the state of a unified partition, which is written
        -> int | None                      from the topic's end on; the offset to seek to, None
                                           for the beginning
    sink.take(batches, backlog=0)          one transaction for each partition: rows, marks, offset;
        -> Taken(rows, unusable)           blocks for as long as SQLite takes, so call it in a
                                           thread; `backlog` says how many records still wait in
                                           all topics: while it is large, files are written less
                                           often
    sink.unburied() -> list[Unusable]      what belongs to the dead letters, kept in the state
    sink.buried(letters)                   until this is told that they are there
    sink.behind(backlog)                   the same, told without records
    sink.revoke(partition)                 ends the write under way and closes the state
    sink.report() -> Report                what an operator should know: dirty days, trouble, owner
    sink.close(flush=True)                 writes what changed, ends the threads

`take` raises what `schema_of` raises when the registry does not answer, and has then done nothing:
call it again. Any other error should end the process; the restart begins at the stored offsets.

A replay, which has no threads, uses `store.Store` (`take`, `dirty`), `flushing.write_day` and
`completeness.Claims` by themselves.

Read `rows` (records to changes), `store` (a partition's days in SQLite; `database` is
its file, `view` what is read of it meanwhile), `completeness` (what a
manifest may claim), `pace` (when a day is due), `flushing` (one day to its files), `survey` (the
folder against the state), `schedule` (what to do next), `flusher` and `watcher` (the threads),
`sink`.
"""

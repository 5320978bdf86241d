"""What this project changes in Faust and aiokafka, all of it, and nowhere else.

Read in this order: `versions` (what the rest was written for), `fetched` (a batch, and the two
public extension points that carry it), `consumer` (where a partition is read from), `app` (the
settings, and who is told of partitions), `credentials`.

What Faust or aiokafka do, what is done here instead, and why:

- one event a record: the consumer and `Schema` hand over a fetch, one batch a partition, for speed;
- fetched records of partitions that were paused meanwhile are dropped by `getmany`: it is our
  own, and partitions are held before the fetch, for nothing may be lost;
- a fetch gives records: ours gives positions too, where the records began, and positions that
  moved without a record, for there are holes;
- a fetch that is under way while partitions are reassigned may give records from wherever aiokafka
  stood before our seek, or its error: ours gives nothing then;
- the same fetch may give records from behind our seek, and what arrives while the flow rests is
  thrown away: ours is handed over when the flow goes on, unless another seek came first;
- a record is built of each unpacked one: the unpacked one has all that is needed;
- read_uncommitted: read_committed (invariant 5);
- round-robin assignment: range, for a center's five topics belong together;
- seeking to committed offsets: to the state's (invariant 6);
- reading anew where an offset is out of range: an error, for nothing may be skipped in silence;
- committing what was acknowledged, a failing commit ends the process: committing where the state
  is, a failing one is told, for the group's offsets are for lag tools alone;
- a fetch waits 1.5 s for a byte: 50 ms for many, for a partition that is let go waits for the fetch
  before, and a fetch for each transaction of each center would take half of the processor;
- a member with an instance id stays in the group when stopped: it leaves, unless told to stay,
  so that others take over at once;
- a partition whose buffer is full is paused, and all of them for a second: the next fetch waits;
- an agent that failed goes on with the next batch: the process ends, for nothing may be lost;
- web server, leader election, producer and tables are off: nothing listens.
"""

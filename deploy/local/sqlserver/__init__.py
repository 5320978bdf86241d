"""A server that speaks TDS and behaves like SQL Server with Change Tracking.

Read from the wire to the file. `server`, `session`, `wire`, `tokens` and `reply` speak TDS;
`results` is what they expect of an engine, `procedures` what drivers call. `instance` is that
engine: its `sessions`, its databases (`database`, `files`, `cleanup`) and their `administration`.
`engine_session` and `transactions` are one login's work.

A batch goes through `translation` (T-SQL parsed), `executor` and `execution` (each statement run),
`rendering` and `plans` (SQLite text), `writing` and `definitions` (what changes). `storage`,
`catalog` and `change_tracking` are what a database keeps, `conversions`, `functions` and `temporal`
its values, `errors` and `failures` how it says no. `hooks` and `stored_procedures` steer it.
"""

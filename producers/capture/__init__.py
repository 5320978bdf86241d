"""Capture: a center's Change Tracking becomes events, each published exactly once.

Read in this order: clock (where the source stands), position (what to do next), reading and
snapshot (rows), events (rows as messages), publisher and readback (one transaction, and what
is known of it afterwards), center (the loop), supervisor (all loops of a process).
"""

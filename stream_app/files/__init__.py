"""A day's files: what they hold, and the one way they are written.

Read `rendering` (rows to bytes), `manifest` (what a day's files claim), `targets` (where files
go, whole or not at all), `months` (a folder for each month), `day` (all of a day's files, the
manifest last).
"""

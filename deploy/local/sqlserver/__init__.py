"""A server that speaks TDS and behaves like SQL Server with Change Tracking."""

"""Capture: from a center's SQL Server to Kafka events."""

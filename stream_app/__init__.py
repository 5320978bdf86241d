"""Join and sink: from events to unified entries and daily files."""

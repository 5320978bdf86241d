"""Days: the calendar, a day's rows and charts, its files, and a comparison with the sources."""

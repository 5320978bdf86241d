"""Notices to people: by webhook, mail or a command of theirs."""

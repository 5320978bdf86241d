"""`chartfeed doctor`: what a bug report needs, without secrets."""

"""`python -m chartfeed` is the command `chartfeed`."""

from chartfeed.cli import main

main()

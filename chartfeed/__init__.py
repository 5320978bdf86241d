"""One command that wires the stages."""

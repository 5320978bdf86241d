"""The contract: what travels, and the words for it. No I/O."""

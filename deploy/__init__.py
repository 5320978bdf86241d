"""How it runs: on this machine (local), in containers, on servers."""

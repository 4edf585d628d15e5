"""A raw-socket server whose answers no framework would let through, and its own log of the wire."""

"""Near-duplicate detection: clusters of copies, and links between languages."""

"""Articles against those in state: copies of one story are found, and noted there."""

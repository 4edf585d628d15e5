"""Item pipelines: extract articles from pages, filter them, and store them."""

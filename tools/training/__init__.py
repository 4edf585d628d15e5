"""Fit the block classifier to annotated pages. Needs the extra `train`, which a crawl does not."""

"""Making the judge's model again from annotated pages; needs the extra `train`, a crawl does not."""

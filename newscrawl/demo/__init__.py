"""The embedded newsroom: invented outlets on loopback, so that a crawl can run offline and be checked."""

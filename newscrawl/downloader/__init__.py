"""Download handlers: they archive each exchange on the wire, replay archives, and guard against SSRF."""

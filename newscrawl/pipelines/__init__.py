"""From Page to a line on disk: extract, validate, dedupe, store; one step a file.

An item is a Page until it is extracted, then an Article or a Rejection. A Rejection passes every later
step untouched and is written by the last, so a page ends in exactly one place.
"""

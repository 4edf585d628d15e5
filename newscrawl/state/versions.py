"""A page that is looked at again: the same text as before, or a new version of it."""

from __future__ import annotations

from newscrawl.items import Article, Link, Rejection, rejection_of
from newscrawl.state.rows import changed_fields, field_digests


def against_known(article: Article, link: Link) -> Article | Rejection:
    """The article with its version, or a Rejection when its text is the one that is archived already.

    All that is known comes with the link, which the archive notes with the page: so a replay and a later
    extraction count the same versions.
    """
    if not link.known_id:
        return article
    payload = article.warc.payload_digest if article.warc else None
    # The same page is the same text, even where the extractor has learned to read it otherwise.
    if article.id == link.known_id or (payload and payload == link.known_payload):
        return rejection_of(article, "dedupe", "unchanged", f"the text of version {link.known_version}")
    changed = changed_fields(link.known_fields or "", field_digests(article))
    return article.model_copy(
        update={"version": link.known_version + 1, "previous_id": link.known_id, "changed": changed}
    )

"""The version of an article whose page was fetched before. Nothing here needs a database."""

from __future__ import annotations

from newscrawl.items import Article, Link, Rejection, reject_article
from newscrawl.state.encoding import changed_fields, field_digests, payload_digest


def assign_version(article: Article, link: Link) -> Article | Rejection:
    """The article with its version, or a Rejection if its text and headline are archived already.

    A headline alone makes a version, which then has the id of the version before: ids are made of the text.
    The link carries what earlier runs archived, and the archive stores that with the page. So a replay and a
    later extraction count the same versions.
    """
    if not link.known_id:
        return article
    payload = payload_digest(article)
    changed = changed_fields(link.known_fields or "", field_digests(article))
    is_headline_new = bool(link.known_fields) and "title" in changed
    # The same bytes are the same text, even if the extractor reads them differently by now.
    if (article.id == link.known_id and not is_headline_new) or (payload and payload == link.known_payload):
        return reject_article(article, "dedupe", "unchanged", f"the text of version {link.known_version}")
    return article.model_copy(
        update={"version": link.known_version + 1, "previous_id": link.known_id, "changed": changed}
    )

"""A demo outlet whose desk goes on working: stories come and are edited while it is being crawled."""

from __future__ import annotations

from newscrawl.demo.catalogue import demo_site
from newscrawl.demo.http import Request, Response
from newscrawl.demo.site import NewsSite
from newscrawl.demo.stories import Desk, Story

ADDED = "An editor has added this sentence, so that the story reads otherwise than before."


class EditedSite:
    """One demo outlet; at first it shows all but the stories held back."""

    def __init__(self, outlet: str, held_back: int = 0) -> None:
        self.site: NewsSite = demo_site(outlet)
        self.id = outlet
        self._whole = self.site.desk
        # Not the newest: feeds date what is no story by it.
        plain = [story for story in self._whole.listed[1:] if not self._is_linked(story)]
        self.held = plain[:held_back]
        self._show([story for story in self._whole.story if story not in self.held])

    def respond(self, request: Request) -> Response:
        return self.site.respond(request)

    def publish(self, count: int = 1) -> list[Story]:
        """Let so many of the held stories out; those."""
        out, self.held = self.held[:count], self.held[count:]
        shown = {story.id for story in (*self.site.desk.story, *out)}
        current = {story.id: story for story in (*out, *self.site.desk.story)}
        self._show([current[story.id] for story in self._whole.story if story.id in shown])
        return out

    def edit(self, story: Story) -> Story:
        """Change a story's text."""
        # A paragraph that stands in many stories is what crawls learn to leave out.
        own = f"{ADDED} {story.title}: {len(story.body)} letters until then."
        edited = story.model_copy(update={"body": f"{story.body.rstrip()}\n{own}\n"})
        self._show([edited if one.id == story.id else one for one in self.site.desk.story])
        return edited

    def retitle(self, story: Story, title: str) -> None:
        """Change a story's headline and nothing else."""
        edited = story.model_copy(update={"title": title})
        self._show([edited if one.id == story.id else one for one in self.site.desk.story])

    def url(self, story: Story, base: str) -> str:
        return base + self.site.story_path(story)

    def _is_linked(self, story: Story) -> bool:
        return any(stray.to == story.id for stray in self._whole.stray)

    def _show(self, stories: list[Story]) -> None:
        desk: Desk = self._whole.model_copy(update={"story": stories})
        self.site.desk = desk

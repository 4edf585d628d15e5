"""Components of Scrapy that are switched off are not even loaded; those that are switched on are."""

from __future__ import annotations

import pytest
from scrapy.settings import Settings
from scrapy.utils.conf import build_component_list

from newscrawl.extensions.switched_off import COMPONENTS, SwitchedOffComponents


@pytest.mark.parametrize(("switch", "table", "component"), COMPONENTS)
@pytest.mark.parametrize("is_on", [False, True])
def test_a_component_is_named_only_where_it_is_on(
    switch: str, table: str, component: str, is_on: bool
) -> None:
    settings = Settings()
    settings.setmodule("newscrawl.settings")
    if is_on:
        settings.set(switch, "1", priority="cmdline")
    SwitchedOffComponents().update_settings(settings)
    named = build_component_list(settings.getwithbase(table.removesuffix("_BASE")))
    assert (component in named) == is_on


def test_a_component_that_somebody_names_stays() -> None:
    switch, table, component = COMPONENTS[0]
    settings = Settings({table.removesuffix("_BASE"): {component: 5}, switch: False})
    SwitchedOffComponents().update_settings(settings)
    assert component in build_component_list(settings.getwithbase(table.removesuffix("_BASE")))

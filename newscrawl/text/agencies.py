"""The agencies we know by name: every spelling, and the short name it stands for."""

from __future__ import annotations

from newscrawl.text.folding import key

AGENCIES = {
    key(name): short
    for short, names in (
        ("AFP", "AFP|Agence France-Presse|Agence France Presse|AFP News"), ("Reuters", "Reuters|Thomson Reuters"),
        ("AP", "AP|Associated Press|The Associated Press"), ("PTI", "PTI|Press Trust of India"), ("ANI", "ANI|Asian News International"),
        ("IANS", "IANS|Indo-Asian News Service"), ("Xinhua", "Xinhua|Xinhua News Agency|Agence Xinhua"), ("Bloomberg", "Bloomberg|Bloomberg News"),
        ("La Presse canadienne", "La Presse canadienne|The Canadian Press|Canadian Press"), ("APA", "APA|APA News|APAnews"), ("Belga", "Belga"),
        ("ATS", "ATS|Keystone-ATS"), ("PANA", "Panapress|PANA"), ("APO Group", "APO Group|African Media Agency"), ("EFE", "EFE"), ("DPA", "DPA"), ("TASS", "TASS"),
        ("APS", "APS|Agence de presse sénégalaise"), ("AIB", "AIB"), ("AIP", "AIP"), ("AGP", "AGP"), ("MAP", "MAP"), ("TAP", "TAP"), ("UN News", "UN News"),
        ("PR Newswire", "PR Newswire"), ("Anadolu", "Anadolu|Anadolu Agency|Agence Anadolu|AA"),
    )
    for name in names.split("|")
}  # fmt: skip

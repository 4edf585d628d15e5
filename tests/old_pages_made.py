"""Pages as newspapers wrote them from the nineties to about 2012, in six languages: all of our own making."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from textwrap import fill

# fmt: off
OLD_STORIES: dict[str, tuple[str, list[str]]] = {
    "en": ("Harbour bridge closed after crack is found", [
        "The old swing bridge over the harbour mouth was shut to all traffic yesterday after a "
        "diver found a crack in the second pier, the port authority announced in a short note.",
        "Lorries bound for the fish market must now take the coast road, a detour of eleven "
        "miles. Drivers queued for two hours in the afternoon and several stalls had run out of "
        "ice by four.",
        "“We saw the line on the stone last autumn and thought it was weed,” said the harbour "
        "master, Edwin Craske. “When the water fell this week the line was still there, and it "
        "was wider.”",
        "Engineers from the county will lower a camera into the pier on Thursday. Should the "
        "core prove sound, a steel collar could be fitted within three weeks; otherwise the "
        "bridge stays closed until spring.",
        "The council set aside 400,000 pounds for the bridge two years ago but spent most of it "
        "on the new lights. Councillors meet on Monday to decide who is to pay for the rest.",
        "Fishermen fear the worst season in a decade. Their union asks for a ferry for small "
        "vans, as there was in the winter of 1987 when the bridge burnt.",
    ]),
    "fr": ("Le pont tournant fermé après la découverte d'une fissure", [
        "Le vieux pont tournant qui enjambe l'entrée du port est fermé depuis hier matin à toute "
        "circulation, après qu'un plongeur a repéré une fissure sur la deuxième pile.",
        "Les camions qui vont à la criée doivent emprunter la route de la corniche, soit un "
        "détour de dix-huit kilomètres. Dans l'après-midi, la file d'attente dépassait deux "
        "heures.",
        "« Nous avions vu cette ligne sur la pierre à l'automne et nous pensions à des algues », "
        "raconte le capitaine du port, Émile Kerdoncuff. « L'eau a baissé cette semaine et la "
        "ligne était toujours là. »",
        "Les ingénieurs du département descendront une caméra dans la pile jeudi. Si le noyau "
        "est sain, un collier d'acier sera posé en trois semaines ; sinon le pont restera fermé "
        "jusqu'au printemps.",
        "La ville avait mis de côté quatre cent mille euros pour l'ouvrage, mais l'essentiel de "
        "la somme a servi à l'éclairage. Le conseil municipal se réunit lundi pour savoir qui "
        "paiera le reste.",
        "Les pêcheurs redoutent la pire saison depuis dix ans. Leur syndicat réclame un bac pour "
        "les camionnettes, comme pendant l'hiver qui suivit l'incendie.",
    ]),
    "el": ("Κλειστή η παλιά γέφυρα του λιμανιού μετά από ρωγμή", [
        "Έκλεισε από χθες το πρωί για όλα τα οχήματα η παλιά κινητή γέφυρα στην είσοδο του "
        "λιμανιού, αφού ένας δύτης εντόπισε ρωγμή στο δεύτερο βάθρο, όπως ανακοίνωσε το "
        "λιμεναρχείο.",
        "Τα φορτηγά που πηγαίνουν στην ιχθυόσκαλα περνούν πλέον από τον παραλιακό δρόμο και "
        "κάνουν δεκαοκτώ χιλιόμετρα παραπάνω. Το απόγευμα οι οδηγοί περίμεναν περισσότερο από "
        "δύο ώρες.",
        "«Είδαμε τη γραμμή πάνω στην πέτρα το φθινόπωρο και νομίσαμε ότι ήταν φύκια», λέει ο "
        "λιμενάρχης Στέλιος Βαρδάκης. «Τώρα που έπεσε το νερό η γραμμή είναι ακόμη εκεί και έχει "
        "ανοίξει.»",
        "Οι μηχανικοί της νομαρχίας θα κατεβάσουν κάμερα μέσα στο βάθρο την Πέμπτη. Αν ο πυρήνας "
        "είναι γερός, ένας χαλύβδινος δακτύλιος θα τοποθετηθεί σε τρεις εβδομάδες.",
        "Ο δήμος είχε κρατήσει τετρακόσιες χιλιάδες ευρώ για το έργο, τα περισσότερα όμως "
        "δόθηκαν για τα φώτα. Το δημοτικό συμβούλιο συνεδριάζει τη Δευτέρα.",
        "Οι ψαράδες φοβούνται τη χειρότερη χρονιά της δεκαετίας. Το σωματείο τους ζητά ένα μικρό "
        "πορθμείο, όπως εκείνον τον χειμώνα που είχε καεί η γέφυρα.",
    ]),
    "ru": ("Старый мост в порту закрыли из-за трещины", [
        "Старый разводной мост у входа в порт со вчерашнего утра закрыт для всех машин: водолаз "
        "обнаружил трещину во второй опоре, сообщили в управлении порта.",
        "Грузовики, которые везут рыбу на рынок, теперь едут по береговой дороге и делают крюк в "
        "восемнадцать километров. После обеда водители стояли в очереди больше двух часов.",
        "«Мы видели эту полосу на камне ещё осенью и думали, что это водоросли, — говорит "
        "капитан порта Игорь Вершинин. — На этой неделе вода ушла, а полоса осталась и стала "
        "шире».",
        "Инженеры из области опустят в опору камеру в четверг. Если сердцевина цела, стальной "
        "обод поставят за три недели, иначе мост не откроют до весны.",
        "Город отложил на ремонт четыреста тысяч, но почти все деньги ушли на фонари. В "
        "понедельник депутаты решат, кто заплатит за остальное.",
        "Рыбаки боятся худшего сезона за десять лет. Их союз просит пустить небольшой паром, как "
        "в ту зиму, когда мост горел.",
    ]),
    "zh": ("港口旧桥发现裂缝后关闭", [
        "港务局昨天宣布,潜水员在第二座桥墩上发现一道裂缝以后,港口入口处的旧开合桥从早晨起禁止一切车辆通行。",
        "开往鱼市的卡车现在只能走海边公路,要多绕十八公里。下午司机们排队等了两个多小时,到四点钟几家摊位的冰已经用完了。",
        "“去年秋天我们就看见石头上的这条线,还以为是水草,”港长林伯安说,“这个星期水位下降,线还在那里,而且变宽了。”",
        "省里的工程师星期四会把摄像机放进桥墩。如果内部完好,三个星期之内可以装上钢箍,否则这座桥要关到明年春天。",
        "市政府两年前为这座桥留出了四十万元,但是大部分已经用在新路灯上。市议会星期一开会,决定剩下的钱由谁来出。",
        "渔民担心这是十年来最坏的一季。他们的工会要求开一条小渡船,就像当年大桥失火的那个冬天一样。",
    ]),
    "pl": ("Stary most w porcie zamknięty po odkryciu pęknięcia", [
        "Stary most obrotowy u wejścia do portu jest od wczoraj zamknięty dla wszystkich "
        "pojazdów, ponieważ nurek znalazł pęknięcie w drugim filarze, podał zarząd portu.",
        "Ciężarówki jadące na targ rybny muszą teraz korzystać z drogi nad brzegiem i nadkładają "
        "osiemnaście kilometrów. Po południu kierowcy czekali w kolejce ponad dwie godziny.",
        "„Widzieliśmy tę linię na kamieniu już jesienią i myśleliśmy, że to glony” – mówi "
        "kapitan portu Zdzisław Kurek. „W tym tygodniu woda opadła, a linia została i jest "
        "szersza”.",
        "W czwartek inżynierowie z powiatu spuszczą do filara kamerę. Jeśli rdzeń jest zdrowy, "
        "stalowa obręcz stanie w trzy tygodnie, w przeciwnym razie most pozostanie zamknięty do "
        "wiosny.",
        "Miasto odłożyło na most czterysta tysięcy złotych, ale większość wydano na nowe "
        "latarnie. W poniedziałek radni zdecydują, kto zapłaci za resztę.",
        "Rybacy obawiają się najgorszego sezonu od dziesięciu lat. Ich związek domaga się małego "
        "promu, jak tamtej zimy, kiedy most płonął.",
    ]),
}
"Headline and paragraphs by language."
OLD_CHARSETS = {
    "en": "windows-1252",
    "fr": "iso-8859-1",
    "el": "iso-8859-7",
    "ru": "windows-1251",
    "zh": "gb2312",
    "pl": "iso-8859-2",
}
_SECTIONS: dict[str, list[str]] = {
    "en": [
        "Home", "Local news", "Sports results", "Weather", "Classified", "Letters", "Archive", "About us",
    ],
    "fr": [
        "Accueil", "Région", "Sports", "Météo", "Petites annonces", "Courrier", "Archives",
        "Qui sommes-nous",
    ],
    "el": [
        "Αρχική", "Ελλάδα", "Αθλητικά", "Καιρός", "Αγγελίες", "Επιστολές", "Αρχείο", "Ταυτότητα",
    ],
    "ru": [
        "Главная", "Город", "Спорт", "Погода", "Объявления", "Письма", "Архив", "О нас",
    ],
    "zh": [
        "首页", "本地", "体育", "天气", "广告", "来信", "旧闻", "关于",
    ],
    "pl": [
        "Strona główna", "Region", "Sport", "Pogoda", "Ogłoszenia", "Listy", "Archiwum", "O nas",
    ],
}
_HEADLINES: dict[str, list[str]] = {
    "en": [
        "Mayor opens new swimming pool", "School bus fares to rise again", "Storm takes roof off the mill",
        "Choir wins a prize abroad", "Two held over stolen boats",
    ],
    "fr": [
        "Le maire inaugure la piscine", "Les tarifs du car scolaire augmentent",
        "La tempête arrache le toit du moulin", "La chorale primée à l'étranger",
        "Deux hommes arrêtés pour des bateaux volés",
    ],
    "el": [
        "Ο δήμαρχος εγκαινίασε το κολυμβητήριο", "Ακριβότερα τα σχολικά λεωφορεία",
        "Η καταιγίδα πήρε τη στέγη του μύλου", "Βραβείο για τη χορωδία",
        "Δύο συλλήψεις για κλεμμένες βάρκες",
    ],
    "ru": [
        "Мэр открыл новый бассейн", "Школьный автобус снова подорожает", "Буря сорвала крышу мельницы",
        "Хор получил премию за границей", "Двое задержаны за кражу лодок",
    ],
    "zh": [
        "市长为新游泳池剪彩", "校车票价再次上涨", "暴风掀掉磨坊屋顶", "合唱团在国外获奖", "两人因偷船被拘留",
    ],
    "pl": [
        "Burmistrz otworzył nowy basen", "Znów drożeją autobusy szkolne", "Wichura zerwała dach młyna",
        "Nagroda dla chóru za granicą", "Dwóch zatrzymanych za kradzież łodzi",
    ],
}
# fmt: on

Template = Callable[[str, Sequence[str], str], str]
"Headline, paragraphs and language -> page."


def _links(names: Sequence[str], folder: str, between: str) -> str:
    return between.join(f'<A HREF="/{folder}/{at}.html">{name}</A>' for at, name in enumerate(names))


def sections(lang: str, between: str = "<BR>") -> str:
    return _links(_SECTIONS[lang], "sections", between)


def headlines(lang: str, between: str = "<BR>") -> str:
    return _links(_HEADLINES[lang], "news", between)


def tables(title: str, story: Sequence[str], lang: str) -> str:
    """Three columns in tables inside tables, everything in fonts, paragraphs between line breaks."""
    return (
        f"<HTML><HEAD><TITLE>{title}</TITLE></HEAD><BODY BGCOLOR='#FFFFFF' TOPMARGIN=0>"
        "<TABLE WIDTH=760 BORDER=0>"
        "<TR><TD COLSPAN=3 BGCOLOR='#003366'><IMG SRC=logo.gif>"
        f"<FONT COLOR=white>{sections(lang, ' | ')}</FONT></TD></TR>"
        f"<TR><TD WIDTH=120 VALIGN=TOP><FONT SIZE=1>{sections(lang)}</FONT></TD><TD WIDTH=480 VALIGN=TOP>"
        f"<FONT FACE=Verdana SIZE=4><B>{title}</B></FONT><BR><FONT SIZE=1>12/03/2004</FONT><BR><BR>"
        f"<FONT FACE=Verdana SIZE=2>{'<BR><BR>'.join(story)}</FONT></TD><TD WIDTH=160 VALIGN=TOP>"
        f"<TABLE BGCOLOR='#EEEEEE'><TR><TD><FONT SIZE=1>{headlines(lang)}</FONT></TD></TR></TABLE>"
        "</TD></TR></TABLE>"
        "<CENTER><FONT SIZE=1>&copy; 2004</FONT></CENTER></BODY></HTML>"
    )


def bare_body(title: str, story: Sequence[str], lang: str) -> str:
    """Text straight in the body, without title or heading."""
    text = "<br><br>\n".join(story)
    return (
        f"<html><body bgcolor=white>\n<b>{title}</b><br>\n{text}<br><br>{sections(lang, ' ')}</body></html>"
    )


def no_structure(title: str, story: Sequence[str], _lang: str) -> str:
    return "<br><br>\n".join([title, *story])


def nothing_closed(title: str, story: Sequence[str], lang: str) -> str:
    text = "".join(f"<P><FONT SIZE=2>{text}" for text in story)
    return f"<TITLE>{title}</TITLE><BODY><CENTER><H2>{title}<P></CENTER>{text}<HR>{sections(lang, ' - ')}"


def open_title(title: str, story: Sequence[str], lang: str) -> str:
    return nothing_closed(title, story, lang).replace("</TITLE>", "", 1)


def indented_lines(title: str, story: Sequence[str], lang: str) -> str:
    """A line break between paragraphs, which begin with spaces."""
    text = "<br>\n".join(f"&nbsp;&nbsp;&nbsp;&nbsp;{text}" for text in story)
    return (
        f"<html><head><title>Selby Post</title></head><body><table><tr><td>{sections(lang)}"
        "<td valign=top class=txt>"
        f"<span class=tit>{title}</span><br>{text}<td>{headlines(lang)}</table>"
    )


def frames(title: str, story: Sequence[str], lang: str) -> str:
    text = "".join(f"<P>{text}" for text in story)
    return (
        f"<HTML><HEAD><TITLE>{title}</TITLE></HEAD><FRAMESET COLS='150,*'><FRAME SRC=menu.html>"
        "<FRAME SRC=text.html>"
        f"<NOFRAMES><BODY><H1>{title}</H1>{text}<P>{sections(lang)}</BODY></NOFRAMES></FRAMESET></HTML>"
    )


def for_printers(title: str, story: Sequence[str], _lang: str) -> str:
    return (
        "<html><head><title>Print</title><script>window.print()</script></head><body onload='print()'>"
        f"<table width=600 align=center><tr><td><b>{title}</b><hr>{'<p>'.join(story)}<hr>"
        "<a href='javascript:window.close()'>X</a></table>"
    )


def quoted(title: str, story: Sequence[str], lang: str) -> str:
    """Quotes and lists that only indent."""
    text = "".join(f"<p>{text}" for text in story)
    return (
        f"<html><title>{title}</title><body><blockquote><ul><h3>{title}</h3>{text}</ul></blockquote>"
        f"<hr>{sections(lang)}"
    )


def preformatted(title: str, story: Sequence[str], lang: str) -> str:
    text = "\n\n".join(fill(f"   {text}", 66) for text in story)
    return (
        f"<html><title>{title}</title><body><a href=/>Selby Post</a><pre>\n{title}\n\n{text}\n</pre>"
        f"<hr>{headlines(lang)}"
    )


def rows(title: str, story: Sequence[str], lang: str) -> str:
    """A paragraph in each row of a table."""
    text = "".join(f"<tr><td><font size=2>{text}" for text in [f"<b>{title}</b>", *story])
    return (
        f"<html><title>{title}</title><body>{sections(lang, ' ')}<table>{text}</table><hr>{headlines(lang)}"
    )


def bullets(title: str, story: Sequence[str], lang: str) -> str:
    """The same with a picture of a bullet before each."""
    text = "".join(f"<tr><td width=20><img src=dot.gif></td><td>{text}</td></tr>" for text in story)
    head = f"<html><head><title>{title}</title></head><body>"
    return f"{head}<table><tr><th colspan=2>{title}</th></tr>{text}</table>{sections(lang)}"


def open_anchors(title: str, story: Sequence[str], lang: str) -> str:
    """Places to jump to that are not closed, so that the parser puts the rest of the story into them."""
    text = "".join(f"<a name=p{at}><p>{text}" for at, text in enumerate(story))
    head = f"<html><head><title>{title}</title></head><body>"
    return f"{head}{sections(lang, ' ')}<h2>{title}</h2>{text}<hr>{headlines(lang)}</body></html>"


def in_a_form(title: str, story: Sequence[str], lang: str) -> str:
    return (
        f"<html><head><title>{title}</title></head><body>"
        "<form name=aspnetForm method=post action=Article.aspx?id=3>"
        f"<input type=hidden name=__VIEWSTATE value='{'dDwtMTA4' * 300}'><table><tr>"
        f"<td>{sections(lang)}</td><td>"
        f"<span id=lblTitle>{title}</span><br><br><span id=lblBody>{'<br><br>'.join(story)}</span></td>"
        f"<td>{headlines(lang)}</td></tr></table></form></body></html>"
    )


def three_pages(title: str, story: Sequence[str], lang: str) -> str:
    """Menu and footer are included as pages of their own."""
    return (
        f"<html><head><title>Selby Post</title></head><body>{sections(lang, ' ')}</body></html>\n"
        f"<html><head><title>{title}</title></head><body><h2>{title}</h2>{'<br><br>'.join(story)}"
        "</body></html>"
        f"<html><body>{headlines(lang)}</body></html>"
    )


def in_a_heading(title: str, story: Sequence[str], lang: str) -> str:
    return f"<html><title>{title}</title><body><h3>{title}<h5>{'<p>'.join(story)}</h5><hr>{sections(lang)}"


def centred(title: str, story: Sequence[str], lang: str) -> str:
    return (
        f"<html><body><center><table border=0><tr><td>{sections(lang, ' ')}<tr><td><center><b>{title}"
        "</b></center>"
        f"<div align=justify>{'<br>'.join(story)}</div><tr><td>{headlines(lang)}</table></center>"
    )


def definitions(title: str, story: Sequence[str], lang: str) -> str:
    text = "".join(f"<dd>{text}" for text in story)
    return f"<html><body><dl><dt><b>{title}</b>{text}</dl>{sections(lang)}"


def loose_comment(title: str, story: Sequence[str], lang: str) -> str:
    text = "".join(f"<p>{text}</p>" for text in story)
    head = f"<html><head><title>{title}</title></head><body>{sections(lang, ' ')}"
    return f"{head}<!-- story -- ><h2>{title}</h2>{text}<hr><!-- more -->{headlines(lang)}</body></html>"


def layers(title: str, story: Sequence[str], lang: str) -> str:
    return (
        f"<html><head><title>{title}</title></head><body><layer name=menu>{sections(lang, ' ')}"
        "</layer><ilayer>"
        f"<nobr>{title}</nobr><p>{'<p>'.join(story)}</ilayer><marquee>{headlines(lang, ' ')}"
        "</marquee></body></html>"
    )


def spans(title: str, story: Sequence[str], lang: str) -> str:
    text = "".join(f"<span class=para>{text}</span><br/><br/>" for text in story)
    head = f"<html><head><title>{title}</title></head><body><div id=nav>{sections(lang, ' ')}</div>"
    return f"{head}<span class=story>{text}</span><div>{headlines(lang)}</div></body></html>"


def in_a_film(title: str, story: Sequence[str], lang: str) -> str:
    """The object of a banner is not closed."""
    text = "".join(f"<p>{text}" for text in story)
    return (
        f"<html><head><title>{title}</title></head><body><object classid=clsid:1 width=700>"
        "<param name=movie value=a.swf>"
        f"<embed src=a.swf><table><tr><td>{sections(lang, ' ')}<tr><td><h2>{title}</h2>{text}"
        f"<tr><td>{headlines(lang)}</table></body></html>"
    )


def from_word(title: str, story: Sequence[str], lang: str) -> str:
    text = "".join(
        f"<p class=MsoNormal style='text-align:justify'><span style='font-size:12pt'>{text}<o:p>"
        "</o:p></span></p>"
        for text in story
    )
    head = f"<html xmlns:o='urn:o'><head><title>{title}</title></head><body lang=EN><div class=Section1>"
    return (
        f"{head}<p class=MsoNormal><b>{title}<o:p></o:p></b></p>{text}</div><div>{headlines(lang)}</div>"
        "</body></html>"
    )


def open_frame(title: str, story: Sequence[str], lang: str) -> str:
    """The frame of an advertisement is not closed."""
    text = "".join(f"<p>{text}" for text in story)
    head = (
        f"<html><head><title>{title}</title></head><body><div>{sections(lang, ' ')}</div>"
        "<iframe src=/ad width=468>"
    )
    return f"{head}<h2>{title}</h2>{text}<hr>{headlines(lang)}</body></html>"


def open_style(title: str, story: Sequence[str], lang: str) -> str:
    text = "".join(f"<p>{text}" for text in story)
    head = (
        f"<html><head><title>{title}</title><style>td {{color:red}}</head><body><table><tr>"
        f"<td>{sections(lang)}"
    )
    return f"{head}<td><h2>{title}</h2>{text}</table>{headlines(lang)}</body></html>"


def hidden_until_loaded(title: str, story: Sequence[str], lang: str) -> str:
    text = "".join(f"<p>{text}</p>" for text in story)
    return (
        f"<html><head><title>{title}</title></head><body><div>{sections(lang, ' ')}</div>"
        f"<div id=content style='visibility: hidden'><h1>{title}</h1>{text}</div>"
        f"<div>{headlines(lang)}</div></body></html>"
    )


OLD_TEMPLATES: list[Template] = [
    tables, bare_body, no_structure, nothing_closed, open_title, indented_lines, frames, for_printers, quoted,
    preformatted, rows, bullets, open_anchors, in_a_form, three_pages, in_a_heading, centred, definitions,
    loose_comment, layers, spans, in_a_film, from_word, open_frame, open_style, hidden_until_loaded,
]  # fmt: skip

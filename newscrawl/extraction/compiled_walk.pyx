# cython: language_level=3, boundscheck=False, wraparound=False
"""The walks over all nodes of a page, compiled: each does what its form in Python does, with the same result.

Pages come from lxml's parser of HTML, which resolves all entities and whose root is an element.

They read the nodes of libxml2, which cost nothing, and make lxml's elements only of those that are handed on.
What is rare stays in Python. Of libxml2 they use fields of nodes alone, so that they need no copy of it: the
functions are those that lxml gives to other modules. A walk holds the tree's root, which keeps all nodes in
place; nothing that it calls changes the tree.
"""

from lxml.includes.etreepublic cimport (
    _Document, _Element, attributeValue, collectAttributes, elementFactory, import_lxml__etree,
    namespacedName, pyunicode, tailOf, textOf,
)
from lxml.includes.tree cimport (
    XML_CDATA_SECTION_NODE, XML_ELEMENT_NODE, XML_TEXT_NODE, const_xmlChar, xmlAttr, xmlNode,
)

from newscrawl.extraction.hiding import HIDDEN_STYLE, is_hiding_class
from newscrawl.extraction.tags import (
    BLOCK_TAGS, BOLD_TAGS, COLLECTED_TAGS, HIDING_ATTRIBUTES, IGNORED_TAGS, KIND_BY_TAG, LABEL_TAGS,
    LANDMARK_TAGS, NAMING_ATTRIBUTES, RARE_NAMES, SCREEN_READER_TAGS,
)

import_lxml__etree()

cdef enum:  # what tags say
    CUSTOM = 1 << 0, IGNORED = 1 << 1, BLOCK = 1 << 2, KIND = 1 << 3, READ_OUT = 1 << 4, BOLD = 1 << 5
    LINK = 1 << 6, BREAK = 1 << 7, QUOTE = 1 << 8, IMAGE = 1 << 9, TABLE = 1 << 10, BUTTON = 1 << 11
    SCRIPT = 1 << 12, LANDMARK = 1 << 13, COLLECTED = 1 << 14, LABEL = 1 << 15
    WANTED = 1 << 16

cdef enum:  # what attributes say; a name with a hyphen says CUSTOM too
    CLASS = 1 << 1, ID = 1 << 2, STYLE = 1 << 3, HIDDEN = 1 << 4, HREF = 1 << 5, NAME = 1 << 6
    REL = 1 << 7, TYPE = 1 << 8, NAMING = 1 << 9, HIDING = 1 << 10, RARE = 1 << 11

cdef enum:  # what becomes of an element
    SKIPPED, READ_WHOLE, ENTERED

cdef enum:  # what a run of text is
    NO_TEXT, BLANK, TEXT


cdef dict _join_flags(pairs):
    cdef dict flags = {}
    for names, flag in pairs:
        for name in names:
            flags[name] = flags.get(name, 0) | flag
    return flags


cdef dict _TAG_FLAGS = _join_flags((
    (IGNORED_TAGS, IGNORED), (BLOCK_TAGS, BLOCK), (KIND_BY_TAG, KIND), (SCREEN_READER_TAGS, READ_OUT),
    (BOLD_TAGS, BOLD), (["a"], LINK), (["br"], BREAK), (["q"], QUOTE), (["img"], IMAGE), (["table"], TABLE),
    (["button"], BUTTON), (["script"], SCRIPT), (LANDMARK_TAGS, LANDMARK), (LABEL_TAGS, LABEL),
    (COLLECTED_TAGS, COLLECTED),
))
cdef dict _ATTRIBUTE_FLAGS = _join_flags((
    (["class"], CLASS), (["id"], ID), (["style"], STYLE), (["hidden"], HIDDEN), (["href"], HREF),
    (["name"], NAME), (["rel"], REL), (["type"], TYPE), (NAMING_ATTRIBUTES, NAMING),
    (HIDING_ATTRIBUTES, HIDING), (RARE_NAMES, RARE),
))

cdef struct Known:
    const_xmlChar* name
    int flags


cdef class _Names:
    """What the names in a document say. It holds most names once, so that their addresses tell them apart."""

    cdef Known[256] known
    cdef dict flags_by_name

    def __cinit__(self, dict flags_by_name):
        self.flags_by_name = flags_by_name

    cdef int flags(self, xmlNode* node) except -1:
        """What the name of an element or attribute says."""
        cdef Known* entry
        if node.ns != NULL and node.ns.href != NULL:
            return CUSTOM if "-" in namespacedName(node) else 0
        entry = &self.known[((<size_t>node.name) >> 3 ^ (<size_t>node.name) >> 11) & 255]
        if entry.name != node.name:
            name = pyunicode(node.name)
            entry.flags = self.flags_by_name.get(name, CUSTOM if "-" in name else 0)
            entry.name = node.name
        return entry.flags

    cdef str find_value(self, xmlNode* element, int flag):
        """The value of the first attribute that says this; None if there is none."""
        cdef xmlAttr* attribute = element.properties
        while attribute != NULL:
            if self.flags(<xmlNode*>attribute) & flag:
                return _read_value(element, attribute)
            attribute = attribute.next
        return None


cdef inline xmlNode* _find_element(xmlNode* node) noexcept:
    """The first element among a node and those after it: not a text, comment or instruction."""
    while node != NULL and node.type != XML_ELEMENT_NODE:
        node = node.next
    return node


cdef xmlNode* _next_element(xmlNode* node, xmlNode* root, bint is_entered) noexcept:
    """The element after another, in page order and inside the root; NULL after the last."""
    cdef xmlNode* following = _find_element(node.children) if is_entered else NULL
    while following == NULL and node != root:
        following = _find_element(node.next)
        node = node.parent
    return following


cdef int _require_element(_Element root) except -1:
    if root._c_node == NULL or root._c_node.type != XML_ELEMENT_NODE:
        raise ValueError("comments and instructions hold no elements")


cdef int _look_at_text(xmlNode* node) noexcept:
    """What the run of text that begins with this node is; TEXT also stands for what has to be read first."""
    cdef const_xmlChar* byte
    if node == NULL or node.type == XML_ELEMENT_NODE:
        return NO_TEXT
    if node.type != XML_TEXT_NODE or (node.next != NULL and node.next.type != XML_ELEMENT_NODE):
        return TEXT
    byte = node.content
    if byte == NULL or byte[0] == 0:
        return NO_TEXT
    while byte[0] == 32 or 9 <= byte[0] <= 13 or 28 <= byte[0] <= 31:
        byte += 1
    return BLANK if byte[0] == 0 else TEXT


cdef str _read_value(xmlNode* element, xmlAttr* attribute):
    cdef xmlNode* text = attribute.children
    if text == NULL:
        return ""
    if text.next == NULL and text.type == XML_TEXT_NODE and text.content != NULL:
        return pyunicode(text.content)
    return attributeValue(element, attribute)


cdef class _OutlineWalk:
    """The walk of `blocks.walk_outline_in_python`, with the frequent steps of the builder."""

    cdef _Element root
    cdef _Document document
    cdef _Names tags, attributes
    cdef object builder, pending, frame_type, nest_kind
    cdef list pieces, frames, kinds
    cdef frozenset extra, skipped
    cdef xmlNode* framed
    cdef Py_ssize_t link_depth, bold_depth
    cdef bint is_pending, is_after_break

    def __cinit__(self, _Element root, builder, extra, skipped):
        _require_element(root)
        from newscrawl.extraction.blocks import Frame, nest_kind  # it imports this module

        self.root, self.document, self.builder = root, root._doc, builder
        self.frame_type, self.nest_kind = Frame, nest_kind
        self.frames, self.kinds = builder.frames, builder.kinds
        self.tags, self.attributes = _Names(_TAG_FLAGS), _Names(_ATTRIBUTE_FLAGS)
        self.extra = frozenset([<size_t>(<_Element?>element)._c_node for element in extra])
        self.skipped = frozenset([<size_t>(<_Element?>element)._c_node for element in skipped])
        self.framed = NULL
        self.note_pending()

    cdef int run(self) except -1:
        cdef xmlNode* root = self.root._c_node
        cdef xmlNode* node = root
        cdef xmlNode* following
        cdef int flags, entered
        while True:
            flags = self.tags.flags(node)
            entered = self.enter(node, flags)
            following = _find_element(node.children) if entered == ENTERED else NULL
            while following == NULL:
                self.leave(node, flags, entered)
                if node == root:
                    return 0
                self.read_text(node, is_tail=True)
                following = _find_element(node.next)
                if following == NULL:
                    node = node.parent
                    flags, entered = self.tags.flags(node), ENTERED
            node = following

    cdef int enter(self, xmlNode* node, int flags) except -1:
        if flags & IGNORED and not (flags & BUTTON and self.builder.is_word(self.element(node))):
            return SKIPPED
        if flags & READ_OUT and node.properties != NULL and self.may_hide(node):
            if self.builder.is_unseen(self.element(node), collectAttributes(node, 3)):
                return SKIPPED
        if self.skipped and <size_t>node in self.skipped:
            return SKIPPED
        if (
            flags & BLOCK
            or self.framed == NULL
            or (flags & CUSTOM and self.builder.is_custom_block(self.element(node), namespacedName(node)))
            or (self.extra and <size_t>node in self.extra)
        ):
            self.enter_block(node, flags)
            if flags & TABLE and self.builder.add_table(self.element(node)):
                return READ_WHOLE
        else:
            self.enter_inline(node, flags)
        self.read_text(node, is_tail=False)
        return ENTERED

    cdef bint may_hide(self, xmlNode* node) except -1:
        """Whether any attribute is one that `find_hiding` finds."""
        cdef xmlAttr* attribute = node.properties
        cdef int flags
        while attribute != NULL:
            flags = self.attributes.flags(<xmlNode*>attribute)
            if flags & HIDING and (not flags & CLASS or is_hiding_class(_read_value(node, attribute))):
                return True
            attribute = attribute.next
        return False

    cdef int enter_block(self, xmlNode* node, int flags) except -1:
        cdef xmlAttr* attribute = node.properties
        cdef int said
        cdef list names = []
        ident = classes = ""
        hidden = False
        self.end_block()
        while attribute != NULL:
            said = self.attributes.flags(<xmlNode*>attribute)
            if said & NAMING:
                value = _read_value(node, attribute)
                names.append(value)
                if said & CLASS:
                    classes = value
                elif said & ID:
                    ident = value
            elif said & STYLE:
                hidden = hidden or HIDDEN_STYLE.search(_read_value(node, attribute)) is not None
            elif said & HIDDEN:
                hidden = True
            attribute = attribute.next
        tag = namespacedName(node)
        parent = self.builder.frame
        frame = self.frame_type.__new__(self.frame_type)  # a third of what a call costs
        frame.index, frame.element, frame.tag = len(self.frames), self.element(node), tag
        frame.parent, frame.depth = parent, 0 if parent is None else parent.depth + 1
        frame.ident, frame.classes, frame.names = ident, classes, " ".join(names)
        frame.hidden = hidden or (parent is not None and parent.hidden)
        around = None if parent is None else self.kinds[parent.index]
        self.kinds.append(around if around and not flags & KIND else self.nest_kind(tag, around))
        self.frames.append(frame)
        self.builder.frame = frame
        self.framed = node

    cdef int enter_inline(self, xmlNode* node, int flags) except -1:
        if flags & BREAK:
            self.pending.line_breaks += 1
            self.is_pending = self.is_after_break = True
        elif flags & LINK:
            if self.is_link(node):
                self.builder.link_depth = self.link_depth = self.link_depth + 1
                self.pending.link_count += 1
                self.is_pending = True
        elif flags & BOLD:
            self.builder.bold_depth = self.bold_depth = self.bold_depth + 1
        elif flags & QUOTE or (flags & IMAGE and _look_at_text(node.next) == TEXT):
            self.builder.enter_inline(self.element(node), namespacedName(node))
            self.note_pending()

    cdef int leave(self, xmlNode* node, int flags, int entered) except -1:
        if node == self.framed:
            self.end_block()
            frame = self.builder.frame = self.builder.frame.parent
            self.framed = NULL if frame is None else (<_Element>frame.element)._c_node
        elif entered == SKIPPED:
            pass
        elif flags & LINK:
            if self.is_link(node):
                self.builder.link_depth = self.link_depth = self.link_depth - 1
        elif flags & BOLD:
            self.builder.bold_depth = self.bold_depth = self.bold_depth - 1
        elif flags & QUOTE:
            self.builder.leave_inline(self.element(node), namespacedName(node))
            self.note_pending()

    cdef bint is_link(self, xmlNode* node) except -1:
        """`blocks._is_link`."""
        return self.attributes.find_value(node, HREF) is not None or not (
            self.attributes.find_value(node, NAME) or self.attributes.find_value(node, ID)
        )

    cdef int read_text(self, xmlNode* node, bint is_tail) except -1:
        """Add the text at the beginning of an element, or after it."""
        cdef int found = _look_at_text(node.next if is_tail else node.children)
        cdef str text
        if found == NO_TEXT:
            return 0
        if found == BLANK:
            if self.pieces:
                self.pieces.append(" ")
            return 0
        text = tailOf(node) if is_tail else textOf(node)
        if not text:
            return 0
        if is_tail and node.properties != NULL and text[0].isspace():
            if self.builder.is_split_word(self.element(node), text):
                text = text.lstrip()
        self.add_text(text)

    cdef int add_text(self, str text) except -1:
        """What the builder does with a text, unless a line ends before it."""
        if self.is_after_break or text.isspace():
            self.builder.add_text(text)
            self.note_pending()
            return 0
        pending = self.pending
        self.pieces.append(text)
        pending.chars += len(text)
        pending.last = text
        if self.link_depth:
            pending.linked_chars += len(text)
        if self.bold_depth:
            pending.bold_chars += len(text)
        self.is_pending = True

    cdef int end_block(self) except -1:
        if self.is_pending:
            self.builder.end_block()
            self.note_pending()
            self.is_pending = False

    cdef int note_pending(self) except -1:
        """Follow the builder where it may have ended a block."""
        self.pending = self.builder.pending
        self.pieces = self.pending.pieces
        self.is_after_break = self.pending.line_breaks > 0
        self.is_pending = True

    cdef inline _Element element(self, xmlNode* node):
        return elementFactory(self.document, node)


def walk_outline(_Element root not None, builder, extra, skipped):
    """Hand all elements and texts of a page to the builder, in page order."""
    (<_OutlineWalk>_OutlineWalk(root, builder, extra, skipped)).run()


def list_text(_Element element not None):
    """Pieces of the text inside an element, with a space where a block begins or ends."""
    cdef _Names tags = _Names(_TAG_FLAGS)
    cdef xmlNode* root = element._c_node
    cdef xmlNode* node = root
    cdef xmlNode* following
    cdef int flags
    cdef list pieces = []
    _require_element(element)
    while True:
        flags = tags.flags(node)
        following = NULL
        if node == root or not flags & IGNORED:
            if flags & (BLOCK | BREAK):
                pieces.append(" ")
            _append_text(pieces, node, is_tail=False)
            following = _find_element(node.children)
        while following == NULL:
            if node == root:
                return pieces
            if flags & BLOCK:
                pieces.append(" ")
            _append_text(pieces, node, is_tail=True)
            following = _find_element(node.next)
            if following == NULL:
                node = node.parent
                flags = tags.flags(node)
        node = following


cdef int _append_text(list pieces, xmlNode* node, bint is_tail) except -1:
    cdef int found = _look_at_text(node.next if is_tail else node.children)
    if found == BLANK:
        pieces.append(" ")
    elif found == TEXT:
        pieces.append((tailOf(node) if is_tail else textOf(node)) or "")


cdef class _LandmarkTests:
    """What tells the elements that may be landmarks from the many that are none."""

    cdef _Names attributes
    cdef object find_kinds, is_label
    cdef tuple link_stems
    cdef Py_ssize_t number_chars

    def __cinit__(self):
        from newscrawl.extraction import landmarks  # it imports this module

        self.attributes = _Names(_ATTRIBUTE_FLAGS)
        self.find_kinds, self.is_label = landmarks.landmark_kinds, landmarks.is_label
        self.link_stems, self.number_chars = landmarks.AUTHOR_PAGE_STEMS, landmarks.NUMBER_CHARS

    cdef bint may_be_landmark(self, xmlNode* node, int flags) except -1:
        if flags & COLLECTED:
            return True
        if flags & SCRIPT:
            return self.attributes.find_value(node, TYPE) is not None
        if flags & LABEL and _look_at_text(node.children) == TEXT and self.is_label(textOf(node)):
            return True
        if node.properties == NULL:
            return False
        if self.attributes.find_value(node, RARE) is not None:
            return True
        if flags & LINK and (
            self.attributes.find_value(node, REL) is not None
            or self.may_lead_on(self.attributes.find_value(node, HREF) or "")
        ):
            return True
        names = self.attributes.find_value(node, CLASS) or self.attributes.find_value(node, ID)
        return bool(names) and bool(self.find_kinds(names))

    cdef bint may_lead_on(self, str address) except -1:
        """Whether an address may be that of an author or of a numbered page."""
        cdef Py_UCS4 char
        for char in address[-self.number_chars:]:
            if char.isdigit():
                return True
        address = address.lower()
        for stem in self.link_stems:
            if stem in address:
                return True
        return False


def find_candidates(_Element tree not None):
    """The elements that may be landmarks, each with its position among the elements with their tags."""
    cdef _LandmarkTests tests = _LandmarkTests()
    cdef _Names tags = _Names(_TAG_FLAGS)
    cdef xmlNode* node = tree._c_node
    cdef Py_ssize_t position = 0
    cdef int flags
    cdef list found = []
    _require_element(tree)
    while node != NULL:
        flags = tags.flags(node)
        if flags & LANDMARK:
            if tests.may_be_landmark(node, flags):
                found.append((position, elementFactory(tree._doc, node)))
            position += 1
        node = _next_element(node, tree._c_node, is_entered=True)
    return found


def find_outermost(_Element tree not None, frozenset names, Py_ssize_t least):
    """Elements with these tags that hold so many characters and are not inside each other."""
    cdef xmlNode* node = tree._c_node
    cdef bint is_named
    cdef _Names tags = _Names(dict.fromkeys(names, WANTED))
    cdef list found = []
    _require_element(tree)
    while node != NULL:
        is_named = tags.flags(node) & WANTED
        if is_named and _count_chars(node) >= least:
            found.append(elementFactory(tree._doc, node))
        node = _next_element(node, tree._c_node, is_entered=not is_named)
    return found


cdef Py_ssize_t _count_chars(xmlNode* root) noexcept:
    """Characters in an element, those of scripts included."""
    cdef xmlNode* node = root.children
    cdef const_xmlChar* byte
    cdef Py_ssize_t chars = 0
    while node != NULL:
        if node.type == XML_TEXT_NODE or node.type == XML_CDATA_SECTION_NODE:
            byte = node.content
            while byte != NULL and byte[0] != 0:
                chars += byte[0] & 0xC0 != 0x80  # all bytes but those that go on with a character
                byte += 1
        elif node.type == XML_ELEMENT_NODE and node.children != NULL:
            node = node.children
            continue
        while node.next == NULL:
            node = node.parent
            if node == root:
                return chars
        node = node.next
    return chars

# cython: language_level=3, wraparound=False
"""The loops of language detection that take most of its time, compiled: the same numbers as in Python.

The forms in Python stand in `ngrams`, `scores` and `viterbi`. They say what is computed and why, and serve where
this module was not built. Nothing is imported from there: constants and tables are handed in.
"""

from cpython.mem cimport PyMem_Calloc, PyMem_Free
from libc.stdint cimport int64_t, uint16_t, uint32_t, uint64_t

cdef enum:
    LANE_BYTES = 4
    MOST_LANGUAGES = 20
    MOST_LANES = 32
    MOST_CHOICES = 8
    SLOTS = 1 << 16
    MOST_STEPS = 50_000  # so that free slots are never far; others are computed each time
    NO_LETTER = (1 << 21) - 1  # no letter has this number
    BLANK = 32

cdef object int_from_bytes = int.from_bytes


# Lanes are read and written byte by byte, the lowest first, on every machine; compilers make one move of it.
cdef inline uint32_t read_lane(const unsigned char* lanes, Py_ssize_t at) noexcept:
    lanes += LANE_BYTES * at
    return lanes[0] | <uint32_t>lanes[1] << 8 | <uint32_t>lanes[2] << 16 | <uint32_t>lanes[3] << 24


cdef inline void write_lane(unsigned char* lanes, Py_ssize_t at, uint32_t value) noexcept:
    lanes += LANE_BYTES * at
    lanes[0], lanes[1], lanes[2], lanes[3] = value & 255, value >> 8 & 255, value >> 16 & 255, value >> 24


cdef struct Step:  # what a letter adds to the costs of a word
    uint64_t key  # three letters of 21 bits, plus 1; 0 where nothing is stored
    uint16_t costs[MOST_LANGUAGES]


cdef class NgramSums:
    """Called with a word, what `ngrams.ngram_costs_in_python` does, from a table of its own."""

    cdef object find_costs
    cdef Py_ssize_t languages, longest, count
    cdef int64_t max_gap, scale, unit, floor, strange
    cdef Step* steps
    cdef Step unstored

    def __cinit__(self, find_costs, *, languages, longest, max_gap, scale, unit, floor, strange):
        """`find_costs` gives the packed costs of a trigram's last letter, and of a word's first."""
        if languages > MOST_LANGUAGES:
            raise ValueError(f"there is room for {MOST_LANGUAGES} languages")
        self.find_costs, self.languages, self.longest = find_costs, languages, longest
        self.max_gap, self.scale, self.unit = max_gap, scale, unit
        self.floor, self.strange = floor, strange
        self.steps = <Step*>PyMem_Calloc(SLOTS, sizeof(Step))
        if self.steps is NULL:
            raise MemoryError

    def __dealloc__(self):
        PyMem_Free(self.steps)

    def __call__(self, str word not None):
        # Lanes that no language has are added up too: a loop of a known length is faster.
        cdef uint32_t sums[MOST_LANGUAGES]
        cdef uint64_t before = NO_LETTER, last = BLANK, letter
        cdef Py_ssize_t at, number, length = min(len(word), self.longest)
        cdef Step* step
        for at in range(MOST_LANGUAGES):
            sums[at] = 0
        for number in range(length + 1):
            letter = <Py_UCS4>word[number] if number < length else BLANK
            step = self.find(before, last, letter)
            for at in range(MOST_LANGUAGES):
                sums[at] += step.costs[at]
            before, last = last, letter
        cdef int64_t least = sums[0], gap
        for at in range(1, self.languages):
            least = min(least, <int64_t>sums[at])
        cdef list costs = []
        for at in range(self.languages):
            gap = sums[at] - least
            costs.append(self.floor if gap > self.max_gap else gap * self.scale // self.unit)
        costs.append(self.strange)
        return costs

    cdef Step* find(self, uint64_t before, uint64_t last, uint64_t letter) except NULL:
        cdef uint64_t key = (before << 42 | last << 21 | letter) + 1
        cdef Step* step = self.slot(key)
        if step.key == key:
            return step
        gram = ("" if before == NO_LETTER else chr(before)) + chr(last) + chr(letter)
        cdef bytes lanes = self.find_costs(gram).to_bytes(LANE_BYTES * self.languages, "little")
        # What ran in between may have used the slot.
        if self.count < MOST_STEPS:
            step = self.slot(key)
            self.count += step.key == 0
        else:
            step = &self.unstored
        for at in range(self.languages):
            if read_lane(lanes, at) > 0xFFFF:
                raise OverflowError(gram)
            step.costs[at] = <uint16_t>read_lane(lanes, at)
        step.key = key
        return step

    cdef Step* slot(self, uint64_t key) noexcept:
        """Where a key is stored, or would be."""
        # The high bits of the product depend on all letters.
        cdef uint64_t at = key * <uint64_t>0x9E3779B97F4A7C15 >> 48
        while self.steps[at].key not in (0, key):
            at = at + 1 & SLOTS - 1
        return &self.steps[at]


cdef Py_ssize_t read_costs(costs, int64_t* numbers) except -1:
    """Read a list or tuple of costs, and say how many there are."""
    cdef Py_ssize_t at, count = len(costs)
    if count > MOST_LANES:
        raise ValueError(f"there is room for {MOST_LANES} numbers")
    if type(costs) is tuple:
        for at in range(count):
            numbers[at] = (<tuple>costs)[at]
    else:
        for at in range(count):
            numbers[at] = (<list?>costs)[at]
    return count


def scale_costs(costs, int64_t percent):
    """What `scores.scale_costs_in_python` does."""
    cdef int64_t numbers[MOST_LANES]
    cdef Py_ssize_t at, count = read_costs(costs, numbers)
    return [numbers[at] * percent // 100 for at in range(count)]


def pack_word(costs, str word not None, str bare not None, bint is_familiar):
    """What `scores.pack_word_in_python` does."""
    cdef unsigned char lanes[LANE_BYTES * MOST_LANES]
    cdef int64_t numbers[MOST_LANES]
    cdef Py_ssize_t at, count = read_costs(costs, numbers)
    cdef int64_t home, guest
    cdef Py_UCS4 letter
    cdef Py_ssize_t letters = 0, upper = 0
    if not 2 < count <= MOST_LANES - 8:
        raise ValueError(f"there is room for 3 to {MOST_LANES - 8} costs")
    # French and English come first.
    home, guest = min(numbers[0], numbers[1]), numbers[2]
    for at in range(3, count):
        guest = min(guest, numbers[at])
    for letter in word:
        letters += letter.isalpha()
        upper += letter.isupper()
    numbers[count] = numbers[1] - home
    numbers[count + 1] = numbers[0] - home
    numbers[count + 2] = max(home - guest, 0)
    numbers[count + 3] = len(bare) > 1
    numbers[count + 4] = len(bare) > 1 and (<Py_UCS4>bare[0]).isupper()
    numbers[count + 5] = is_familiar
    numbers[count + 6] = letters
    numbers[count + 7] = upper
    for at in range(count + 8):
        if not 0 <= numbers[at] <= 0xFFFFFFFF:
            raise OverflowError("a number does not fit into its lane")
        write_lane(lanes, at, <uint32_t>numbers[at])
    return int_from_bytes(lanes[: LANE_BYTES * (count + 8)], "little")


def cheapest_states(list totals not None, list change_costs not None, states, entry_costs):
    """What `viterbi.cheapest_states_in_python` does."""
    cdef int64_t sums[MOST_CHOICES]
    cdef int64_t entries[MOST_CHOICES]
    cdef Py_ssize_t lanes_at[MOST_CHOICES]
    cdef Py_ssize_t at, number, best, choices = len(states), size = 0
    cdef int64_t changed
    cdef const unsigned char* lanes
    cdef unsigned char* sources
    cdef bytes packed
    if not 0 < choices <= MOST_CHOICES:
        raise ValueError(f"there is room for {MOST_CHOICES} states")
    for at in range(choices):
        lanes_at[at], entries[at] = states[at], entry_costs[at]
        sums[at] = entries[at]
        if lanes_at[at] < 0:
            raise ValueError("a state is the number of a lane")
        size = max(size, LANE_BYTES * (lanes_at[at] + 1))
    mask = (<object>1 << 8 * size) - 1
    # By evidence and state, the state before it on the cheapest path.
    cdef bytearray path = bytearray(len(totals) * choices)
    sources = path
    for number in range(len(totals)):
        packed = <bytes>(totals[number] & mask).to_bytes(size, "little")
        lanes = packed
        best = 0
        for at in range(1, choices):
            if sums[at] < sums[best]:
                best = at
        changed = sums[best]
        if number:
            changed += <int64_t>change_costs[number]
        for at in range(choices):
            sources[at] = at
            if number and changed + entries[at] < sums[at]:
                sums[at] = changed + entries[at]
                sources[at] = best
            sums[at] += read_lane(lanes, lanes_at[at])
        sources += choices
    best = 0
    for at in range(1, choices):
        if sums[at] < sums[best]:
            best = at
    cdef list found = []
    for number in range(len(totals)):
        found.append(states[best])
        sources -= choices
        best = sources[best]
    found.reverse()
    return found

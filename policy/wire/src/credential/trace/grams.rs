//! Four letters in a row, whatever their case, by which a place is known that is worth a closer look.

/// Letters that are looked up together.
pub(super) const GRAM: usize = 4;

/// Which four letters something has.
pub(super) struct Grams {
    table: Box<[u64]>,
    /// To a table of so many bits, as a power of two.
    log: u32,
}

/// A letter in either case, as one. That some marks become one, too, costs a look.
pub(super) const fn fold(byte: u8) -> u8 {
    byte | FOLDED as u8
}

const FOLDED: u32 = 0x2020_2020;

/// Whether they are, but for their case.
pub(super) const fn is_same(one: u8, other: u8) -> bool {
    one.eq_ignore_ascii_case(&other)
}

impl Grams {
    pub(super) fn of_at_most(log: u32) -> Self {
        let table = vec![0; 1 << (log - u64::BITS.ilog2())].into();
        Self { table, log }
    }

    pub(super) fn add(&mut self, text: &[u8]) {
        for gram in text.windows(GRAM).filter_map(<[u8]>::first_chunk) {
            let (word, bit) = self.slot(gram);
            self.table[word] |= bit;
        }
    }

    pub(super) fn has(&self, gram: &[u8; GRAM]) -> bool {
        let (word, bit) = self.slot(gram);
        self.table.get(word).is_some_and(|word| word & bit != 0)
    }

    /// Where a gram stands in the table.
    const fn slot(&self, gram: &[u8; GRAM]) -> (usize, u64) {
        // Knuth's multiplicative hash: the upper bits.
        let hash = (folded(gram).wrapping_mul(2_654_435_761) >> (u32::BITS - self.log)) as usize;
        (hash / 64, 1 << (hash % 64))
    }
}

/// Four letters in either case, as one.
pub(super) const fn folded(gram: &[u8; GRAM]) -> u32 {
    u32::from_le_bytes(*gram) | FOLDED
}

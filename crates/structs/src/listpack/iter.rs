//! Walking a listpack's values.

use super::{HEADER, Listpack, ListpackValue, Pos, encoding};

/// The values of a listpack, from either end.
#[derive(Debug, Clone)]
pub struct Iter<'a> {
    pack: &'a Listpack,
    front: usize,
    back: usize,
}

/// The values of a listpack of pairs, two at a time: field and value, member and score.
#[derive(Debug, Clone)]
pub struct Pairs<'a>(Iter<'a>);

impl Listpack {
    /// All values, front to back.
    #[inline]
    pub fn iter(&self) -> Iter<'_> {
        Iter { pack: self, front: HEADER, back: self.end() }
    }

    /// The values from `pos` to the end; from the back, the end down to `pos`.
    #[inline]
    pub fn iter_from(&self, pos: Pos) -> Iter<'_> {
        Iter { pack: self, front: pos.offset(), back: self.end() }
    }

    /// The values up to and including `pos`, for walking back from it with [`Iterator::rev`].
    #[inline]
    pub fn iter_through(&self, pos: Pos) -> Iter<'_> {
        Iter { pack: self, front: HEADER, back: self.after(pos.offset()) }
    }

    /// All values two by two; a last one without a partner is left out.
    #[inline]
    pub fn pairs(&self) -> Pairs<'_> {
        Pairs(self.iter())
    }
}

impl Iter<'_> {
    /// The place of the value that `next` would give.
    #[inline]
    pub fn position(&self) -> Option<Pos> {
        (self.front < self.back).then(|| Pos::at(self.front))
    }
}

impl<'a> Iterator for Iter<'a> {
    type Item = ListpackValue<'a>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        if self.front >= self.back {
            return None;
        }
        let entry = &self.pack.bytes[self.front..];
        self.front += encoding::entry_len(entry);
        Some(encoding::decode(entry))
    }
}

impl DoubleEndedIterator for Iter<'_> {
    #[inline]
    fn next_back(&mut self) -> Option<Self::Item> {
        if self.front >= self.back {
            return None;
        }
        let pos = self.pack.element_before(self.back)?;
        self.back = pos.offset();
        Some(self.pack.get(pos))
    }
}

impl<'a> Iterator for Pairs<'a> {
    type Item = (ListpackValue<'a>, ListpackValue<'a>);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        Some((self.0.next()?, self.0.next()?))
    }
}

impl DoubleEndedIterator for Pairs<'_> {
    #[inline]
    fn next_back(&mut self) -> Option<Self::Item> {
        let second = self.0.next_back()?;
        Some((self.0.next_back()?, second))
    }
}

impl<'a> IntoIterator for &'a Listpack {
    type Item = ListpackValue<'a>;
    type IntoIter = Iter<'a>;

    fn into_iter(self) -> Iter<'a> {
        self.iter()
    }
}

impl<V: AsRef<[u8]>> FromIterator<V> for Listpack {
    fn from_iter<I: IntoIterator<Item = V>>(values: I) -> Self {
        let mut pack = Listpack::new();
        pack.extend(values);
        pack
    }
}

impl<V: AsRef<[u8]>> Extend<V> for Listpack {
    fn extend<I: IntoIterator<Item = V>>(&mut self, values: I) {
        for value in values {
            self.push_back(value.as_ref());
        }
    }
}

//! Reading a file from one end to the other, on one thread.

use std::io::Read;

use super::{DecodeContext, Mark, Piece, ReadError, Record, Records, Splitter};
use crate::version::Origin;

/// A part of a file.
#[derive(Debug)]
pub enum Item<'a> {
    /// A key.
    Record(Record<'a>),
    /// Anything else.
    Mark(Mark),
}

/// Reads a file part by part.
///
/// ```
/// use spinel_rdb::decode::{DecodeContext, FileChecksum, Item, Mark, Reader};
/// use spinel_rdb::encode::{Attributes, EncodeOptions, put_entry, put_eof, put_header};
/// use spinel_rdb::{Checksum, Target};
/// use spinel_store::{EncodingLimits, HashKey, Text, ValueRef};
///
/// let mut file = Vec::new();
/// put_header(&mut file, Target::V11);
/// let hello = ValueRef::String(Text::Bytes(b"hello"));
/// put_entry(&mut file, b"greeting", hello, Attributes::default(), EncodeOptions::default());
/// let mut checksum = Checksum::new();
/// checksum.update(&file);
/// put_eof(&mut file, Some(checksum));
///
/// let (limits, hash_key) = (EncodingLimits::default(), HashKey::from_bytes([7; 16]));
/// let mut reader = Reader::new(&file[..], DecodeContext { limits: &limits, hash_key: &hash_key });
/// let Some(Item::Record(record)) = reader.next_item().unwrap() else { panic!("a key comes first") };
/// assert_eq!(&record.key[..], b"greeting");
/// let Some(Item::Mark(end)) = reader.next_item().unwrap() else { panic!("then the end") };
/// assert_eq!(end, Mark::Eof(FileChecksum::Right));
/// assert!(reader.next_item().unwrap().is_none());
/// ```
#[derive(Debug)]
pub struct Reader<'c, R> {
    splitter: Splitter<R>,
    cx: DecodeContext<'c>,
    records: Option<Records>,
    /// Where the next one begins in `records`.
    place: usize,
}

impl<'c, R: Read> Reader<'c, R> {
    /// Ready to read from the first byte of a file.
    pub fn new(source: R, cx: DecodeContext<'c>) -> Self {
        Self { splitter: Splitter::new(source), cx, records: None, place: 0 }
    }

    /// Who wrote the file.
    ///
    /// # Errors
    /// When the source fails, or the first bytes are not those of a known version.
    pub fn origin(&mut self) -> Result<Origin, ReadError> {
        self.splitter.origin()
    }

    /// Bytes of the file that were read.
    #[must_use]
    pub fn offset(&self) -> u64 {
        match &self.records {
            Some(records) => records.offset() + self.place as u64,
            None => self.splitter.offset(),
        }
    }

    /// The next part; `None` after the end.
    ///
    /// # Errors
    /// When the source fails or the file is damaged; there is nothing more to expect then.
    pub fn next_item(&mut self) -> Result<Option<Item<'_>>, ReadError> {
        if self.records.as_ref().is_none_or(|records| self.place == records.byte_len()) {
            self.records = None;
            match self.splitter.next_piece()? {
                None => return Ok(None),
                Some(Piece::Mark(mark)) => return Ok(Some(Item::Mark(mark))),
                Some(Piece::Records(records)) => {
                    self.records = Some(records);
                    self.place = 0;
                }
            }
        }
        let Some(records) = &self.records else { return Ok(None) };
        match records.decode_at(&mut self.place, self.cx) {
            Some(Ok(record)) => Ok(Some(Item::Record(record))),
            Some(Err(error)) => {
                self.place = records.byte_len();
                Err(ReadError::Decode(error))
            }
            None => Ok(None),
        }
    }

    /// The source, and the bytes that were read from it beyond the end of the file.
    pub fn into_rest(self) -> (Vec<u8>, R) {
        self.splitter.into_rest()
    }
}

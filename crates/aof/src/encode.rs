//! A command as the log spells it: an array of bulk strings, the same words as on the wire.
//!
//! This runs under the locks of a write's keys, so it formats nothing and allocates only when the buffer must grow.

/// Digits of `usize::MAX`, and of the longest line end: `$`, digits, `\r\n`.
const HEADER_MAX: usize = 1 + 20 + 2;
/// Every pair of digits in turn.
const PAIRS: &[u8; 200] = b"0001020304050607080910111213141516171819\
                            2021222324252627282930313233343536373839\
                            4041424344454647484950515253545556575859\
                            6061626364656667686970717273747576777879\
                            8081828384858687888990919293949596979899";

/// Appends the command of these words.
#[inline]
pub fn encode_command<'a, I>(out: &mut Vec<u8>, words: I)
where
    I: IntoIterator<Item = &'a [u8], IntoIter: ExactSizeIterator + Clone>,
{
    let words = words.into_iter();
    let room: usize = words.clone().map(|word| word.len() + HEADER_MAX + 2).sum();
    out.reserve(room + HEADER_MAX);
    header(out, b'*', words.len());
    for word in words {
        header(out, b'$', word.len());
        out.extend_from_slice(word);
        out.extend_from_slice(b"\r\n");
    }
}

/// Appends `prefix`, the number and a line end.
#[inline]
fn header(out: &mut Vec<u8>, prefix: u8, number: usize) {
    if number < 10 {
        out.extend_from_slice(&[prefix, b'0' + number as u8, b'\r', b'\n']);
    } else if number < 100 {
        let [tens, ones] = pair(number);
        out.extend_from_slice(&[prefix, tens, ones, b'\r', b'\n']);
    } else {
        let mut digits = itoa::Buffer::new();
        out.push(prefix);
        out.extend_from_slice(digits.format(number).as_bytes());
        out.extend_from_slice(b"\r\n");
    }
}

#[inline]
fn pair(number: usize) -> [u8; 2] {
    [PAIRS[number * 2], PAIRS[number * 2 + 1]]
}

#[cfg(test)]
mod tests {
    use super::encode_command;
    use proptest::prelude::{any, prop, proptest};

    fn encoded(words: &[&[u8]]) -> Vec<u8> {
        let mut out = b"before".to_vec();
        encode_command(&mut out, words.iter().copied());
        out.split_off(6)
    }

    #[test]
    fn lengths_of_every_number_of_digits_are_spelled_out() {
        assert_eq!(encoded(&[]), b"*0\r\n");
        assert_eq!(encoded(&[b"SET", b"", b"v"]), b"*3\r\n$3\r\nSET\r\n$0\r\n\r\n$1\r\nv\r\n");
        for length in [9, 10, 99, 100, 999, 1000, 123_456] {
            let word = vec![b'x'; length];
            let mut expected = format!("*1\r\n${length}\r\n").into_bytes();
            expected.extend_from_slice(&word);
            expected.extend_from_slice(b"\r\n");
            assert_eq!(encoded(&[&word]), expected);
        }
    }

    proptest! {
        #[test]
        fn any_words_are_spelled_as_on_the_wire(
            words in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..130), 0..120),
        ) {
            let words: Vec<&[u8]> = words.iter().map(Vec::as_slice).collect();
            let mut expected = Vec::new();
            spinel_resp::encode_command(words.iter(), &mut expected);
            assert_eq!(encoded(&words), expected);
        }
    }
}

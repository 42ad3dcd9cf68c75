//! What the derive makes of a struct, seen from outside.

use spinel_family::{Command, Many, OwnedArgs, Parse, Words};
use spinel_store::HashKey;

/// Fields named as the generated code might name its own variables.
#[derive(Command)]
#[command(group = Generic, since = "1.0.0", complexity = "O(1)")]
struct Shadow<'a> {
    word: &'a [u8],
    #[arg(token = "CHOSEN")]
    chosen: Option<&'a [u8]>,
    words: Many<'a, &'a [u8]>,
}

#[test]
fn a_field_may_have_any_name() {
    let owned = OwnedArgs::from_words(["SHADOW", "a", "CHOSEN", "b", "c", "d"]);
    let hash_key = HashKey::from_bytes([0; 16]);
    let mut words = Words::new(owned.args(), 1, &hash_key, None);
    let shadow = Shadow::parse(&mut words).expect("the words fit");
    assert_eq!((shadow.word, shadow.chosen), (&b"a"[..], Some(&b"b"[..])));
    assert_eq!(shadow.words.items().collect::<Vec<_>>(), [b"c", b"d"]);
}

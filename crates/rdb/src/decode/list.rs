//! Lists: node by node, or element by element as servers up to 3.0 wrote them.

use spinel_store::{End, List, ListElement, ListNode};
use spinel_structs::listpack::Listpack;
use spinel_structs::number::IntBuffer;

use super::{Cursor, DecodeContext, Fault, Scratch};
use crate::legacy::ziplist;
use crate::opcode::{NODE_PACKED, NODE_PLAIN};

/// Shorter elements never keep a node of their own, whatever the file says: nodes have a price.
const PLAIN_MIN_BYTES: usize = 64;

/// A count and elements.
pub(super) fn elements(cursor: &mut Cursor<'_>, cx: DecodeContext<'_>) -> Result<List, Fault> {
    let mut list = List::new();
    let mut scratch = Scratch::default();
    for _ in 0..cursor.count(1)? {
        let element = scratch.bytes(cursor.string()?)?;
        list.push(End::Back, [element], cx.limits);
    }
    Ok(list)
}

/// A ziplist, spread over nodes.
pub(super) fn ziplist(cursor: &mut Cursor<'_>, cx: DecodeContext<'_>) -> Result<List, Fault> {
    let bytes = cursor.string()?.into_cow()?;
    let mut list = List::new();
    let mut number = IntBuffer::new();
    ziplist::read(&bytes, |element| {
        let element: ListElement<'_> = element;
        list.push(End::Back, [element.to_bytes(&mut number)], cx.limits);
    })?;
    Ok(list)
}

/// A count and nodes, each a ziplist. Empty ones are passed over, as Redis does.
pub(super) fn ziplist_nodes(cursor: &mut Cursor<'_>, cx: DecodeContext<'_>) -> Result<List, Fault> {
    let mut list = List::new();
    for _ in 0..cursor.count(1)? {
        let bytes = cursor.string()?.into_cow()?;
        list.push_node(ListNode::Packed(ziplist::to_listpack(&bytes)?), cx.limits);
    }
    Ok(list)
}

/// A count and nodes, each a listpack or a single element. Empty listpacks are passed over, as Redis does.
pub(super) fn nodes(cursor: &mut Cursor<'_>, cx: DecodeContext<'_>) -> Result<List, Fault> {
    let mut list = List::new();
    for _ in 0..cursor.count(2)? {
        let kind = cursor.length()?;
        let string = cursor.string()?;
        match kind {
            NODE_PACKED => {
                let pack = Listpack::from_bytes(string.into_vec()?)?;
                list.push_node(ListNode::Packed(pack), cx.limits);
            }
            NODE_PLAIN => {
                let bytes = string.into_cow()?;
                match bytes.len() {
                    0 => return Err(Fault::Node(kind)),
                    1..PLAIN_MIN_BYTES => list.push(End::Back, [&bytes[..]], cx.limits),
                    _ => list.push_node(ListNode::Plain(bytes.into_owned().into()), cx.limits),
                }
            }
            _ => return Err(Fault::Node(kind)),
        }
    }
    Ok(list)
}

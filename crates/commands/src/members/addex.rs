//! Adding members together with their expiry: the body of `SADDEX` and `ZADDEX`.

use smallvec::SmallVec;
use spinel_family::spec::ArgSpec;
use spinel_family::{CommandError, Encoder, Field, Key, Many, UnixMillis, UpdateContext, Words, is_token};

use super::Membered;
use super::words::{MEMBERS, propagate_expiry, propagate_persistence, propagate_removal};
use crate::arguments::{choice, maybe, one_of};
use crate::element_words::Clock;

/// The conditions, for the documentation.
pub(crate) const CONDITION_ARG: ArgSpec =
    maybe(one_of("condition", &[choice("mnx", "MNX"), choice("mxx", "MXX")]));

/// What becomes of the expiries of the members added.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Expiration {
    End,
    Keep,
    At(UnixMillis),
}

/// What is added of a member: itself, or its score and itself.
pub(crate) trait Added<'a>: Field<'a> + Copy {
    /// The member.
    fn member(&self) -> &'a [u8];
}

impl<'a> Added<'a> for &'a [u8] {
    fn member(&self) -> &'a [u8] {
        self
    }
}

/// The words behind the key, read.
pub(crate) struct Request<'a, A> {
    /// Whether all members must be there, or none.
    must_exist: Option<bool>,
    expiration: Expiration,
    added: Many<'a, A>,
}

impl<'a, A: Added<'a>> Request<'a, A> {
    /// Reads the words of the command of this name.
    pub(crate) fn read(
        mut words: Words<'a>,
        now: UnixMillis,
        command: &'static str,
    ) -> Result<Self, CommandError> {
        let (mut must_exist, mut expiration) = (None, None);
        while let Some(word) = words.peek().filter(|word| !is_token(word, MEMBERS.token)) {
            words.skip_one();
            let clock = Clock::of_option(word);
            if is_token(word, "MXX") || is_token(word, "MNX") {
                if must_exist.replace(is_token(word, "MXX")).is_some() {
                    return Err(CommandError::text("ERR Only one of MXX or MNX arguments can be specified"));
                }
                continue;
            }
            let read = match clock {
                Some(clock) => {
                    let amount = words.take().map_err(|_| CommandError::text("ERR missing expire time"))?;
                    Expiration::At(clock.time(amount, now, command)?)
                }
                None if is_token(word, "KEEPTTL") => Expiration::Keep,
                None => return Err(CommandError::quoting("ERR unknown argument: ", word, "")),
            };
            if expiration.replace(read).is_some() {
                return Err(CommandError::text(
                    "ERR Only one of EX, PX, EXAT, PXAT or KEEPTTL arguments can be specified",
                ));
            }
        }
        let count = MEMBERS.count(&mut words)?;
        let added = Many::<A>::parse(&mut words)?;
        if !added.is_whole() || added.len() != count {
            return Err(CommandError::text(MEMBERS.differs));
        }
        // Scores are read before anything is done.
        added.iter().try_for_each(|one| one.map(|_| ()))?;
        Ok(Self { must_exist, expiration: expiration.unwrap_or(Expiration::End), added })
    }

    /// What is to be added.
    fn items(&self) -> impl Iterator<Item = A> + use<'a, A> {
        self.added.iter().map(|one| one.expect("all were read"))
    }
}

/// What the journal records of the members added, and the event.
pub(crate) struct Addition {
    /// The words of the plain command, with key and members.
    pub(crate) words: Vec<Vec<u8>>,
    /// How many were new or got another score.
    pub(crate) changed: usize,
    pub(crate) event: &'static str,
}

/// Adds members with their expiry, on conditions; answers whether it did. `add` does so in the plain way, and tells what that
/// was.
pub(crate) fn add_expiring<'a, T: Membered, A: Added<'a>>(
    cx: &mut UpdateContext<'_>,
    key: Key<'_>,
    request: &Request<'a, A>,
    add: impl FnOnce(&mut UpdateContext<'_>, &[A]) -> Result<Addition, CommandError>,
    out: &mut Encoder,
) -> Result<(), CommandError> {
    let now = cx.now();
    let collection = cx.write::<T>(key)?;
    let expiry = |member: &[u8]| collection.as_ref().and_then(|collection| collection.expiry(member));
    let items: SmallVec<[A; 8]> = request.items().collect();
    if let Some(must) = request.must_exist
        && items.iter().any(|item| expiry(item.member()).is_some() != must)
    {
        out.integer(0);
        return Ok(());
    }
    let members: SmallVec<[&[u8]; 8]> = items.iter().map(Added::member).collect();
    let timed: SmallVec<[&[u8]; 8]> =
        members.iter().copied().filter(|member| expiry(member).flatten().is_some()).collect();
    out.integer(1);
    if let Expiration::At(at) = request.expiration
        && at <= now
    {
        remove::<T>(cx, key, &members);
        return Ok(());
    }
    let addition = cx.again(|cx| add(cx, &items))?;
    let hash_key = cx.hash_key();
    let (changes, expiry): (&[&[u8]], _) = match request.expiration {
        Expiration::Keep => (&[], None),
        Expiration::End => (&timed, None),
        Expiration::At(at) => (&members, Some(at)),
    };
    if !changes.is_empty() {
        cx.change_typed(key, |collection: &mut T| {
            changes.iter().for_each(|member| collection.set_expiry(member, expiry, hash_key));
        });
    }
    if addition.changed == 0 && changes.is_empty() {
        return Ok(());
    }
    cx.touch_watchers(key);
    cx.add_dirty(addition.changed.max(changes.len()));
    if addition.changed > 0 {
        cx.notify(T::CLASS, addition.event, key);
        cx.propagate_as(&addition.words);
    }
    match expiry {
        Some(at) => {
            cx.notify(T::CLASS, T::NAMES.expire, key);
            propagate_expiry::<T>(cx, key, at, changes);
        }
        None if !changes.is_empty() => {
            cx.notify(T::CLASS, T::NAMES.persist, key);
            propagate_persistence::<T>(cx, key, changes);
        }
        None => {}
    }
    Ok(())
}

/// The time has passed: members would be added and removed at once. What remains is that those there were are gone.
fn remove<T: Membered>(cx: &mut UpdateContext<'_>, key: Key<'_>, members: &[&[u8]]) {
    let mut removed: SmallVec<[&[u8]; 8]> = SmallVec::new();
    cx.change_typed(key, |collection: &mut T| {
        removed.extend(members.iter().copied().filter(|member| collection.remove(member)));
    });
    if removed.is_empty() {
        return;
    }
    cx.changed(key, T::CLASS, T::NAMES.remove);
    cx.effects().expired_members += removed.len() as u64;
    cx.remove_if_empty::<T>(key);
    propagate_removal::<T>(cx, key, &removed);
}

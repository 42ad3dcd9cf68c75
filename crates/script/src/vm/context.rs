//! What the functions of a machine share: the host of the call under way, and what lives from call to call.

use std::cell::{Cell, RefCell};
use std::ptr::NonNull;

use spinel_resp::{Encoder, Protocol};

use crate::host::{Host, Verdict};
use crate::lua::library::Registrations;
use crate::lua::random::Random;

/// The shared state of a machine's functions.
pub(crate) struct Context {
    host: Cell<Option<NonNull<dyn Host>>>,
    /// The error that ends the call under way, once the host has said so.
    stop: RefCell<Option<Vec<u8>>>,
    /// `math.random`.
    pub(crate) random: RefCell<Random>,
    /// What commands reply in: `redis.setresp`.
    pub(crate) protocol: Cell<Protocol>,
    /// The reply under way.
    pub(crate) reply: RefCell<Encoder>,
    /// What a library registers while it is loaded.
    pub(crate) registrations: RefCell<Option<Registrations>>,
    /// How many bytes one text made here (JSON, a packed value) may have.
    pub(crate) text_limit_bytes: Cell<usize>,
}

impl Default for Context {
    fn default() -> Self {
        Self {
            host: Cell::new(None),
            stop: RefCell::default(),
            random: RefCell::default(),
            protocol: Cell::new(Protocol::Resp2),
            reply: RefCell::new(Encoder::new(Protocol::Resp2)),
            registrations: RefCell::default(),
            text_limit_bytes: Cell::new(usize::MAX),
        }
    }
}

impl Context {
    /// The host of the next call, or none. Whoever sets one takes it away before it ends.
    pub(super) fn set_host(&self, host: Option<NonNull<dyn Host>>) {
        self.host.set(host);
    }

    pub(crate) fn has_host(&self) -> bool {
        // SAFETY: only whether there is one is looked at.
        unsafe { (*self.host.as_ptr()).is_some() }
    }

    /// Lets `with` have the host; nothing if there is none, or if it is at work already.
    pub(crate) fn with_host<R>(&self, with: impl FnOnce(&mut dyn Host) -> R) -> Option<R> {
        struct PutBack<'c>(&'c Context, NonNull<dyn Host>);
        impl Drop for PutBack<'_> {
            fn drop(&mut self) {
                self.0.host.set(Some(self.1));
            }
        }
        let host = self.host.take()?;
        let mut borrowed = PutBack(self, host);
        // SAFETY: 1. The host outlives the call that set it, and is taken away before that ends. 2. It was taken out of its
        // cell, so nobody else has it now.
        Some(with(unsafe { borrowed.1.as_mut() }))
    }

    /// What becomes of the script, asked of the host until it wants an end.
    pub(super) fn verdict(&self) -> Verdict {
        if let Some(text) = &*self.stop.borrow() {
            return Verdict::Stop(text.clone());
        }
        let verdict = self.with_host(|host| host.interrupted()).unwrap_or(Verdict::Continue);
        if let Verdict::Stop(text) = &verdict {
            *self.stop.borrow_mut() = Some(text.clone());
        }
        verdict
    }

    /// Whether the host has ended the call.
    pub(crate) fn is_stopped(&self) -> bool {
        self.stop.borrow().is_some()
    }

    /// The error with which the host has ended the call.
    pub(crate) fn stop_text(&self) -> Option<Vec<u8>> {
        self.stop.borrow().clone()
    }

    pub(super) fn forget_verdict(&self) {
        *self.stop.borrow_mut() = None;
    }
}

//! The watch over scripts that run on event loops: one that takes too long is asked to look up, and leaves the loop if it
//! can ([`ScriptHost::interrupted`](super::host::ScriptHost)).

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};
use std::thread::Thread;
use std::time::Duration;

use spinel_script::Interrupter;

use crate::{Engine, panics};

/// How often the watch looks while scripts run.
const ROUND: Duration = Duration::from_millis(1);
/// How long a script may run on an event loop before it is asked to look up.
const PATIENCE_NANOS: u64 = 1_000_000;
/// After so many rounds without a script the watch sleeps.
const IDLE_ROUNDS: u32 = 100;

/// The script that runs on one event loop.
#[derive(Default)]
pub(super) struct Post {
    /// When it began; 0 if none runs.
    since_nanos: AtomicU64,
    interrupter: Mutex<Option<Interrupter>>,
    /// Which one that is.
    machine: AtomicUsize,
}

/// The watch.
#[derive(Default)]
pub(super) struct Watch {
    posts: Box<[Post]>,
    thread: OnceLock<Thread>,
    is_asleep: AtomicBool,
    is_over: AtomicBool,
}

/// A script is watched until this goes.
pub(super) struct Watched<'w>(&'w Post);

impl Drop for Watched<'_> {
    fn drop(&mut self) {
        self.0.since_nanos.store(0, Ordering::Release);
    }
}

impl Watch {
    pub(super) fn new(loops: usize) -> Self {
        Self { posts: (0..loops).map(|_| Post::default()).collect(), ..Self::default() }
    }

    /// A script begins on an event loop.
    pub(super) fn begin(&self, worker: usize, now_nanos: u64, interrupter: &Interrupter) -> Watched<'_> {
        let post = &self.posts[worker];
        // Only this loop changes them.
        if post.machine.load(Ordering::Relaxed) != interrupter.machine() {
            *post.interrupter.lock().unwrap_or_else(PoisonError::into_inner) = Some(interrupter.clone());
            post.machine.store(interrupter.machine(), Ordering::Relaxed);
        }
        post.since_nanos.store(now_nanos.max(1), Ordering::Release);
        if self.is_asleep.load(Ordering::Relaxed)
            && let Some(thread) = self.thread.get()
        {
            thread.unpark();
        }
        Watched(post)
    }

    /// Asks those that have been running for too long to look up. Whether any runs.
    fn look(&self, now_nanos: u64) -> bool {
        let mut any = false;
        for post in &self.posts {
            let since_nanos = post.since_nanos.load(Ordering::Acquire);
            any |= since_nanos != 0;
            if since_nanos != 0 && now_nanos.saturating_sub(since_nanos) > PATIENCE_NANOS {
                let interrupter = post.interrupter.lock().unwrap_or_else(PoisonError::into_inner);
                interrupter.as_ref().inspect(|interrupter| interrupter.arm());
            }
        }
        any
    }

    pub(super) fn start(self: &Arc<Self>, engine: &Arc<Engine>) {
        let (watch, engine) = (Arc::clone(self), Arc::downgrade(engine));
        std::thread::Builder::new()
            .name("script-watch".to_owned())
            .spawn(move || panics::catching_those_of_commands(|| watch.keep(&engine)))
            .expect("the system can start one thread more");
    }

    pub(super) fn stop(&self) {
        self.is_over.store(true, Ordering::Release);
        self.thread.get().inspect(|thread| thread.unpark());
    }

    fn keep(&self, engine: &Weak<Engine>) {
        self.thread.get_or_init(std::thread::current);
        let mut idle_rounds = IDLE_ROUNDS;
        while !self.is_over.load(Ordering::Acquire) {
            if idle_rounds >= IDLE_ROUNDS {
                self.is_asleep.store(true, Ordering::SeqCst);
                std::thread::park_timeout(Duration::from_millis(100));
                self.is_asleep.store(false, Ordering::SeqCst);
            }
            std::thread::sleep(ROUND);
            let Some(engine) = engine.upgrade() else { return };
            let any = self.look(engine.clock.monotonic_nanos());
            engine.end_late_scripts();
            idle_rounds = if any { 0 } else { idle_rounds.saturating_add(1) };
        }
    }
}

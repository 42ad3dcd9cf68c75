//! What the server does for the engine: figures from `/proc` and from jemalloc, changes outside the engine, the disk.

use std::sync::Arc;

use spinel_aof::disk::RealDisk;
use spinel_engine::config::OsDisk;
use spinel_engine::host::{ControlKind, Host, LinuxProcess, MemoryFigures};
use spinel_net::dial::TcpDial;
use tikv_jemalloc_ctl::thread::{self, ThreadLocal};
use tikv_jemalloc_ctl::{Access, AsName, arenas, epoch, stats, stats_print, version};

use crate::crashes::crash;
use crate::outside::Outside;

/// The host of an engine in this process.
pub(crate) fn host(outside: Outside) -> Host {
    let allocator =
        format!("jemalloc-{}", version::read().unwrap_or_default().split('-').next().unwrap_or_default());
    Host {
        probe: Box::new(LinuxProcess {
            allocator,
            figures,
            allocated,
            held_here,
            purge,
            rest,
            control,
            report,
            crash,
        }),
        on_change: Box::new(outside),
        disk: Box::new(OsDisk),
        // The working directory, wherever CONFIG SET moves it.
        files: Arc::new(RealDisk::new(".")),
        dial: Box::new(TcpDial),
    }
}

/// Bytes in the caches of all threads; 4096 stands for all arenas.
const TCACHE_BYTES: &str = "stats.arenas.4096.tcache_bytes\0";

fn figures(figures: &mut MemoryFigures) {
    figures.allocated = allocated();
    let bytes = |read: tikv_jemalloc_ctl::Result<usize>| read.map_or(0, |bytes| bytes as u64);
    figures.active = bytes(stats::active::read());
    figures.resident = bytes(stats::resident::read());
    figures.metadata = bytes(stats::metadata::read());
    figures.retained = bytes(stats::retained::read());
}

fn allocated() -> u64 {
    // Without a new epoch the figures are old ones, which is the worst that can happen.
    let _ = epoch::advance();
    let bytes = |read: tikv_jemalloc_ctl::Result<usize>| read.map_or(0, |bytes| bytes as u64);
    // Free blocks that threads keep for themselves count as allocated there, and here as free.
    let cached = Access::<usize>::read(TCACHE_BYTES.name());
    bytes(stats::allocated::read()).saturating_sub(bytes(cached))
}

fn held_here() -> i64 {
    thread_local! {
        /// Where the allocator counts what this thread allocates and what it frees.
        static COUNTERS: Option<(ThreadLocal<u64>, ThreadLocal<u64>)> =
            thread::allocatedp::read().ok().zip(thread::deallocatedp::read().ok());
    }
    COUNTERS.with(|counters| {
        counters.as_ref().map_or(0, |(allocated, freed)| allocated.get().wrapping_sub(freed.get()) as i64)
    })
}

/// Gives unused pages back: an arena whose pages may not linger lets go of them at once. What was set before holds
/// again afterwards.
fn purge() {
    let arenas = arenas::narenas::read().unwrap_or(0);
    for arena in 0..arenas {
        for kind in ["dirty", "muzzy"] {
            let name = format!("arena.{arena}.{kind}_decay_ms\0");
            let name = name.as_str().name();
            // An arena that was never used cannot be asked, and has nothing to give.
            let Ok(before) = Access::<isize>::read(name) else { continue };
            let _ = name.write(0isize).and_then(|()| name.write(before));
        }
    }
}

/// Empties the thread's cache, which would count as allocated, by doing without one for a moment.
fn rest() {
    let cache = b"thread.tcache.enabled\0".name();
    let _ = cache.write(false).and_then(|()| cache.write(true));
}

fn control(name: &str, kind: ControlKind) -> Option<String> {
    if name.is_empty() || name.contains('\0') {
        return None;
    }
    let is_address = name.ends_with("allocatedp") || name.contains("hooks");
    let name = format!("{name}\0");
    let name = name.as_str().name();
    match kind {
        ControlKind::Text if name.value_type_str() => {
            let text: &'static str = name.read().ok()?;
            Some(text.to_owned())
        }
        ControlKind::Text => None,
        // What these hold is an address.
        ControlKind::Number if name.value_type_str() || is_address => None,
        // The allocator refuses to answer in another size than the control has.
        ControlKind::Number => None
            .or_else(|| Access::<u64>::read(name).ok().map(u64::cast_signed).map(|number| number.to_string()))
            .or_else(|| Access::<u32>::read(name).ok().map(|number| number.to_string()))
            .or_else(|| Access::<bool>::read(name).ok().map(|is_on| u8::from(is_on).to_string())),
    }
}

fn report() -> String {
    let mut text = Vec::new();
    match stats_print::stats_print(&mut text, stats_print::Options::default()) {
        Ok(()) => String::from_utf8_lossy(&text).into_owned(),
        Err(error) => format!("no statistics: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use tikv_jemalloc_ctl::{Access, AsName};

    use super::{ControlKind, control};

    #[test]
    fn controls_are_read_by_name_and_kind() {
        assert_eq!(control("arenas.page", ControlKind::Number).as_deref(), Some("4096"));
        assert_eq!(control("arenas.nbins", ControlKind::Number).map(|bins| bins.len()), Some(2));
        assert_eq!(control("config.stats", ControlKind::Number).as_deref(), Some("1"));
        assert!(control("version", ControlKind::Text).is_some_and(|version| version.starts_with("5.")));
        for (name, kind) in [
            ("version", ControlKind::Number),
            ("arenas.page", ControlKind::Text),
            ("arenas.nothing", ControlKind::Number),
            ("thread.tcache.flush", ControlKind::Number),
            ("", ControlKind::Number),
            ("arenas\0page", ControlKind::Number),
            ("thread.allocatedp", ControlKind::Number),
            ("arena.0.extent_hooks", ControlKind::Number),
        ] {
            assert_eq!(control(name, kind), None, "{name} {kind:?}");
        }
    }

    #[test]
    fn the_allocator_has_classes_eight_bytes_apart() {
        let quantum: usize = b"arenas.quantum\0".name().read().unwrap();
        assert_eq!(quantum, 8, "cargo's configuration in this repository sets it");
    }
}

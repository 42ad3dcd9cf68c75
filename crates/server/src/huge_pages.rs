//! Huge pages for the data: a thread that merges the pages of memory which is in use as a whole.
//!
//! Memory the allocator has filled is found in `/proc`: private anonymous maps, and in them stretches of 2 MiB whose pages
//! are all there, or all but a few. Merging those costs next to no memory, which is why it can be done for everybody: a
//! small server has none. Every second the thread looks whether the process has grown; if so, or if a while has passed, it
//! goes through the maps once. It takes its time, because whoever touches memory that is being merged waits.
//!
//! Where the system's settings say `never` it does nothing, and before Linux 6.1 nothing comes of it.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;
use std::thread;
use std::time::{Duration, Instant};

use spinel_structs::huge_pages::{HUGE_PAGE_BYTES, Merged, merge};

/// Bytes of a page. Systems with larger ones have huge pages of another size, and less need of them.
const PAGE_BYTES: usize = 4096;
const PAGES: usize = HUGE_PAGE_BYTES / PAGE_BYTES;
/// Pages of a stretch that may be missing. (Most stretches miss fewer: data grows by about half a percent in all.)
const MISSING_PAGES: usize = 32;
/// Bytes of a page's record in `/proc/self/pagemap`, whose highest bit says that the page is there.
const RECORD_BYTES: usize = 8;
/// How often the size of the process is looked at.
const INTERVAL: Duration = Duration::from_secs(1);
/// When the maps are gone through although the process has the size it had.
const LONG_INTERVAL: Duration = Duration::from_secs(60);
/// A change of the process's size that makes it worth going through the maps, in bytes.
const CHANGE: usize = 4 * HUGE_PAGE_BYTES;
/// Smaller processes are left alone, in bytes.
const SMALL: usize = 32 << 20;
/// The rest after each merge, for those who wait for the same memory.
const REST: Duration = Duration::from_millis(2);

/// Starts the thread, if the system lets us.
pub(crate) fn keep_merging() -> io::Result<()> {
    let setting = fs::read_to_string("/sys/kernel/mm/transparent_hugepage/enabled").unwrap_or_default();
    if setting.is_empty() || setting.contains("[never]") || rustix::param::page_size() != PAGE_BYTES {
        return Ok(());
    }
    let run = move || {
        // Without `/proc` there is nothing to go by: the thread ends.
        let _ = Merger::default().run();
    };
    thread::Builder::new().name("huge-pages".to_owned()).spawn(run).map(drop)
}

/// What the thread remembers.
#[derive(Default)]
struct Merger {
    /// Stretches that were merged, or never can be, by their address. One that loses pages is forgotten.
    settled: BTreeSet<usize>,
}

impl Merger {
    fn run(&mut self) -> io::Result<()> {
        let mut swept = (0, Instant::now());
        loop {
            thread::sleep(INTERVAL);
            let resident = resident_bytes()?;
            let (before, since) = swept;
            if resident >= SMALL && (resident.abs_diff(before) >= CHANGE || since.elapsed() > LONG_INTERVAL) {
                self.sweep()?;
                swept = (resident, Instant::now());
            }
        }
    }

    /// Goes through the maps once.
    fn sweep(&mut self) -> io::Result<()> {
        let maps = fs::read_to_string("/proc/self/maps")?;
        let mut pagemap = File::open("/proc/self/pagemap")?;
        let mut records = [0; PAGES * RECORD_BYTES];
        for start in maps.lines().filter_map(anonymous).flat_map(stretches) {
            pagemap.seek(SeekFrom::Start((start / PAGE_BYTES * RECORD_BYTES) as u64))?;
            pagemap.read_exact(&mut records)?;
            if !is_whole(&records) {
                self.settled.remove(&start);
            } else if !self.settled.contains(&start) {
                if merge(start..start + HUGE_PAGE_BYTES) != Merged::NotNow {
                    self.settled.insert(start);
                }
                thread::sleep(REST);
            }
        }
        Ok(())
    }
}

/// Memory of the process that is there, in bytes.
fn resident_bytes() -> io::Result<usize> {
    let text = fs::read_to_string("/proc/self/statm")?;
    let pages = text.split(' ').nth(1).and_then(|pages| pages.parse::<usize>().ok());
    Ok(pages.ok_or(io::ErrorKind::InvalidData)? * PAGE_BYTES)
}

/// The addresses in a line of `/proc/self/maps`, if it is private anonymous memory that can be written.
fn anonymous(line: &str) -> Option<Range<usize>> {
    let mut fields = line.split_ascii_whitespace();
    let (start, end) = fields.next()?.split_once('-')?;
    let is_ours = fields.next()? == "rw-p" && fields.nth(2)? == "0" && fields.next().is_none();
    let address = |text| usize::from_str_radix(text, 16).ok();
    is_ours.then_some(address(start)?..address(end)?)
}

/// The places in a range where a huge page would fit.
fn stretches(range: Range<usize>) -> impl Iterator<Item = usize> {
    (range.start.next_multiple_of(HUGE_PAGE_BYTES)..range.end)
        .step_by(HUGE_PAGE_BYTES)
        .take_while(move |start| range.end - start >= HUGE_PAGE_BYTES)
}

/// Whether all pages of a stretch are there, or all but a few.
fn is_whole(records: &[u8; PAGES * RECORD_BYTES]) -> bool {
    let (records, _) = records.as_chunks::<RECORD_BYTES>();
    let missing = records.iter().filter(|record| u64::from_le_bytes(**record) >> 63 == 0).count();
    missing <= MISSING_PAGES
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_private_anonymous_memory_is_ours() {
        let heap = "7f29c2600000-7f29c3000000 rw-p 00000000 00:00 0 ";
        assert_eq!(anonymous(heap), Some(0x7f29_c260_0000..0x7f29_c300_0000));
        for line in [
            "7f29c2600000-7f29c3000000 r-xp 00001000 fd:00 1234 /usr/lib/libc.so.6",
            "7f29c2600000-7f29c3000000 rw-p 00001000 fd:00 1234 /usr/lib/libc.so.6",
            "7f29c2600000-7f29c3000000 ---p 00000000 00:00 0 ",
            "7ffc26000000-7ffc30000000 rw-p 00000000 00:00 0 [stack]",
            "",
        ] {
            assert_eq!(anonymous(line), None, "{line}");
        }
    }

    #[test]
    fn stretches_are_aligned_and_lie_inside() {
        const H: usize = HUGE_PAGE_BYTES;
        assert_eq!(stretches(H - 1..4 * H + 5).collect::<Vec<_>>(), [H, 2 * H, 3 * H]);
        assert_eq!(stretches(H + 1..3 * H - 1).count(), 0);
        assert_eq!(stretches(H..2 * H).count(), 1);
    }

    #[test]
    fn a_stretch_with_a_few_pages_missing_is_whole() {
        let mut records = [0xff; PAGES * RECORD_BYTES];
        for missing in 0..=MISSING_PAGES {
            assert!(is_whole(&records), "{missing}");
            records[(missing * 10 + 1) * RECORD_BYTES - 1] = 0x7f;
        }
        assert!(!is_whole(&records));
    }

    #[test]
    fn memory_that_was_filled_keeps_its_bytes() {
        let mut filled = vec![1_u8; 4 * HUGE_PAGE_BYTES];
        let mut merger = Merger::default();
        merger.sweep().unwrap();
        let place = stretches(filled.as_ptr_range().start.addr()..filled.as_ptr_range().end.addr());
        let settled = place.filter(|start| merger.settled.contains(start)).count();
        assert!(settled <= 4, "{settled}");
        merger.sweep().unwrap();
        filled.retain(|byte| *byte != 1);
        assert!(filled.is_empty(), "every byte is what it was");
    }
}

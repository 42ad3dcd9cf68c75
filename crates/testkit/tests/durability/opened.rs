//! Servers on a disk in memory, and what they know.

use std::sync::Arc;
use std::time::{Duration, Instant};

use spinel_aof::disk::Disk;
use spinel_aof::disk::sim::SimDisk;
use spinel_engine::config::{AppendFsync, PropagationErrors, Settings};
use spinel_testkit::{TestClient, TestServer};

/// How long anything that is awaited may take.
const LIMIT: Duration = Duration::from_secs(30);

/// What a power cut tears.
pub(crate) const PAGE_BYTES: usize = 4096;

/// The settings of a server with a log.
pub(crate) fn logged(fsync: AppendFsync) -> impl Fn(&mut Settings) + Copy {
    move |settings| {
        settings.persistence.aof.enabled = true;
        settings.persistence.aof.fsync = fsync;
        // What we have recorded can be run again.
        settings.persistence.aof.propagation_errors = PropagationErrors::Panic;
    }
}

/// A server on the disk.
pub(crate) fn open(disk: &SimDisk, change: impl FnOnce(&mut Settings)) -> TestServer {
    TestServer::open(Arc::new(disk.clone()), change).expect("what is on the disk can be loaded")
}

/// Lets the server's time pass until `done`.
pub(crate) fn wait(server: &TestServer, what: &str, mut done: impl FnMut() -> bool) {
    let start = Instant::now();
    while !done() {
        assert!(start.elapsed() < LIMIT, "{what}: {:#?}", server.log_lines());
        server.advance(Duration::from_millis(20));
        server.upkeep();
        std::thread::sleep(Duration::from_micros(200));
    }
}

/// Waits until everything is safe.
pub(crate) fn wait_until_safe(server: &TestServer) {
    wait(server, "not everything gets safe", || server.is_safe());
}

/// Waits until no snapshot is being written or to be written.
pub(crate) fn wait_until_at_rest(server: &TestServer, client: &TestClient) {
    let fields = ["rdb_bgsave_in_progress", "aof_rewrite_in_progress", "aof_rewrite_scheduled"];
    wait(server, "snapshots do not end", || fields.iter().all(|field| client.info(field) == "0"));
}

/// Everything, as one word.
pub(crate) fn digest(server: &TestServer) -> String {
    server.connect().run("DEBUG DIGEST")
}

/// What was made for a while only and is still there.
pub(crate) fn left_over(disk: &SimDisk) -> Vec<String> {
    let folders = ["", "appendonlydir"];
    let names = folders.iter().flat_map(|folder| disk.list(folder).expect("a disk in memory can be listed"));
    names.filter(|name| name.starts_with("temp-")).collect()
}

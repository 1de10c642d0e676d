//! What Linux counts of this process (`proc_pid_stat(5)`); `None` where there is no `/proc`.

use rustix::param::{clock_ticks_per_second, page_size};

/// Memory in use.
pub(super) fn resident_bytes() -> Option<i64> {
    let statm = std::fs::read_to_string("/proc/self/statm").ok()?;
    let pages: i64 = statm.split(' ').nth(1)?.parse().ok()?;
    Some(pages * i64::try_from(page_size()).ok()?)
}

/// Processor time, of user and system.
pub(super) fn cpu_secs() -> Option<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    // The name stands in parentheses and may hold blanks; utime and stime are the 14th and 15th fields.
    let (_, fields) = stat.rsplit_once(") ")?;
    let ticks = fields.split(' ').skip(11).take(2);
    let ticks: Option<Vec<u64>> = ticks.map(|it| it.parse().ok()).collect();
    let sum: u64 = ticks?.iter().sum();
    Some(sum as f64 / clock_ticks_per_second() as f64)
}

/// Files and sockets that are open.
pub(super) fn open_files() -> Option<i64> {
    let files = std::fs::read_dir("/proc/self/fd").ok()?;
    i64::try_from(files.count()).ok()
}

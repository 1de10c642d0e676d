//! What the kernel knows of a process: its memory and its time on the processor.
//!
//! Resident memory is that of the process alone; the kernel's socket buffers are not in it, for
//! the pass-through as little as for the gateway.

use std::fs;
use std::io;
use std::time::Duration;

use tokio::time::{Instant, sleep};

/// Resident memory counts as settled when it moves less than this between two looks.
const SETTLED_KIB: u64 = 64;
const SETTLE_LOOKS: usize = 5;
const SETTLE_SECS_MAX: Duration = Duration::from_secs(15);

/// Resident memory now, in bytes.
pub(crate) fn resident_bytes(id: u32) -> io::Result<u64> {
    status_bytes(id, "VmRSS:")
}

/// The most that was resident since the process began, or since [`reset_peak`].
pub(crate) fn peak_bytes(id: u32) -> io::Result<u64> {
    status_bytes(id, "VmHWM:")
}

/// Lets the peak begin anew from what is resident now.
pub(crate) fn reset_peak(id: u32) -> io::Result<()> {
    // The 5 is in proc_pid_clear_refs(5).
    fs::write(format!("/proc/{id}/clear_refs"), "5")
}

/// Waits until resident memory stands still, and returns it.
pub(crate) async fn settled_bytes(id: u32) -> io::Result<u64> {
    let deadline = Instant::now() + SETTLE_SECS_MAX;
    let mut last = resident_bytes(id)?;
    let mut still = 0;
    while still < SETTLE_LOOKS && Instant::now() < deadline {
        sleep(Duration::from_millis(100)).await;
        let now = resident_bytes(id)?;
        still = if now.abs_diff(last) < SETTLED_KIB << 10 {
            still + 1
        } else {
            0
        };
        last = now;
    }
    Ok(last)
}

fn status_bytes(id: u32, field: &str) -> io::Result<u64> {
    let status = fs::read_to_string(format!("/proc/{id}/status"))?;
    status
        .lines()
        .find_map(|line| line.strip_prefix(field))
        .and_then(|rest| rest.trim().strip_suffix(" kB"))
        .and_then(|number| number.trim().parse::<u64>().ok())
        .map(|kib| kib << 10)
        .ok_or_else(|| io::Error::other(format!("no {field} in the status of process {id}")))
}

/// Time on a processor so far, all threads together, user and kernel.
pub(crate) fn processor_time(id: u32) -> io::Result<Duration> {
    let mut nanos = 0;
    for thread in fs::read_dir(format!("/proc/{id}/task"))? {
        // A thread may end between the two reads; its time is then lost, which is a thread's exit.
        let text = fs::read_to_string(thread?.path().join("schedstat")).unwrap_or_default();
        nanos += text
            .split_ascii_whitespace()
            .next()
            .and_then(|number| number.parse::<u64>().ok())
            .unwrap_or(0);
    }
    Ok(Duration::from_nanos(nanos))
}

/// The processors this process may run on, in order.
pub(crate) fn allowed_cores() -> io::Result<Vec<usize>> {
    let status = fs::read_to_string("/proc/self/status")?;
    let list = status
        .lines()
        .find_map(|line| line.strip_prefix("Cpus_allowed_list:"))
        .unwrap_or_default();
    Ok(cores_in(list))
}

fn cores_in(list: &str) -> Vec<usize> {
    let range = |part: &str| {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        Some(first.trim().parse::<usize>().ok()?..=last.trim().parse::<usize>().ok()?)
    };
    list.split(',').filter_map(range).flatten().collect()
}

/// The limit on open files that is in force for this process.
pub(crate) fn open_files_max() -> io::Result<u64> {
    open_files_limit(0)
}

/// Up to where it may be raised without a privilege.
pub(crate) fn open_files_hard_max() -> io::Result<u64> {
    open_files_limit(1)
}

fn open_files_limit(column: usize) -> io::Result<u64> {
    let limits = fs::read_to_string("/proc/self/limits")?;
    let limit = limits
        .lines()
        .find_map(|line| line.strip_prefix("Max open files"))
        .and_then(|rest| rest.split_ascii_whitespace().nth(column));
    match limit {
        Some("unlimited") => Ok(u64::MAX),
        Some(number) => number.parse().map_err(io::Error::other),
        None => Err(io::Error::other("no limit on open files is shown")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_cores_are_understood() {
        assert_eq!(cores_in("\t0-1\n"), [0, 1]);
        assert_eq!(cores_in("3,5-7"), [3, 5, 6, 7]);
        assert_eq!(cores_in(""), [0_usize; 0]);
    }

    #[test]
    fn own_memory_and_time_are_readable() {
        let id = std::process::id();
        assert!(resident_bytes(id).expect("own status") > 0);
        assert!(peak_bytes(id).expect("own status") >= resident_bytes(id).expect("own") / 2);
        assert!(processor_time(id).is_ok());
        assert!(open_files_max().expect("own limits") > 0);
    }
}

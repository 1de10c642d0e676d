//! What a figure was measured on: without it the figure says little.

use std::fs;
use std::process::Command;

/// Name and value, one line each.
pub(crate) fn facts() -> Vec<(&'static str, String)> {
    vec![
        ("Date (UTC)", output("date", &["-u", "+%Y-%m-%d %H:%M"])),
        ("Commit", commit()),
        ("Processor", processor()),
        ("Kernel", output("uname", &["-sr"])),
        ("Governor", governor()),
        ("Virtual machine", virtual_machine()),
        ("Memory", memory()),
        ("Load before", load()),
        ("Compiler", output("rustc", &["--version"])),
        ("Command", command_line()),
    ]
}

fn output(program: &str, arguments: &[&str]) -> String {
    Command::new(program)
        .args(arguments)
        .output()
        .ok()
        .filter(|output| output.status.success())
        .map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned())
        .filter(|text| !text.is_empty())
        .unwrap_or_else(unknown)
}

fn commit() -> String {
    let commit = output("git", &["rev-parse", "--short", "HEAD"]);
    let changed = output(
        "git",
        &[
            "diff",
            "HEAD",
            "--name-only",
            "--",
            "*.rs",
            "*.toml",
            "*.lock",
        ],
    );
    if changed == unknown() {
        commit
    } else {
        format!("{commit}, with changes")
    }
}

fn processor() -> String {
    let model = field("/proc/cpuinfo", "model name").unwrap_or_else(unknown);
    match std::thread::available_parallelism() {
        Ok(cores) => format!("{model}, {cores} cores"),
        Err(_) => model,
    }
}

fn governor() -> String {
    fs::read_to_string("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")
        .map_or_else(|_| "none visible".to_owned(), |text| text.trim().to_owned())
}

fn virtual_machine() -> String {
    let flags = field("/proc/cpuinfo", "flags").unwrap_or_default();
    let is_virtual = flags
        .split_ascii_whitespace()
        .any(|flag| flag == "hypervisor");
    if is_virtual { "yes" } else { "no" }.to_owned()
}

fn memory() -> String {
    field("/proc/meminfo", "MemTotal")
        .and_then(|text| text.strip_suffix(" kB")?.trim().parse::<u64>().ok())
        .map_or_else(unknown, |kib| {
            format!("{:.1} GiB", kib as f64 / (1 << 20) as f64)
        })
}

fn load() -> String {
    fs::read_to_string("/proc/loadavg").map_or_else(
        |_| unknown(),
        |text| {
            text.split_ascii_whitespace()
                .take(3)
                .collect::<Vec<_>>()
                .join(" ")
        },
    )
}

/// As it was typed, but for the path in front of the program.
fn command_line() -> String {
    let mut words: Vec<String> = std::env::args().collect();
    if let Some(program) = words.first_mut() {
        *program = program.rsplit('/').next().unwrap_or_default().to_owned();
    }
    words.join(" ")
}

fn field(file: &str, name: &str) -> Option<String> {
    let text = fs::read_to_string(file).ok()?;
    let line = text.lines().find(|line| line.starts_with(name))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

fn unknown() -> String {
    "unknown".to_owned()
}

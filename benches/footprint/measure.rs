//! One run of a command as a whole process: its CPU time and peak memory, as the kernel counted them.

use std::fs::{self, File};
use std::path::Path;
use std::process::{Command, Stdio};

/// What one run cost.
pub(crate) struct Cost {
    /// User and system time, milliseconds.
    pub(crate) cpu_ms: f64,
    /// The most memory that was resident at once, MiB.
    pub(crate) peak_mib: f64,
    /// The check's own `duration_ms`: from its beginning until it was recorded, by the clock on the wall.
    pub(crate) check_ms: f64,
}

/// The binary under measurement: the one that cargo built, unless `OPERATOR_BIN` names another.
pub(crate) fn operator() -> Command {
    let binary = std::env::var_os("OPERATOR_BIN").unwrap_or_else(|| env!("CARGO_BIN_EXE_operator").into());
    let mut command = Command::new(binary);
    command.env_clear().stdin(Stdio::null());
    command
}

/// Run to the end; `folder` takes what it prints.
#[expect(clippy::zombie_processes, reason = "`wait` waits for it")]
pub(crate) fn run(command: &mut Command, folder: &Path) -> Cost {
    let (out, log) = (folder.join("stdout"), folder.join("stderr"));
    let child = command.stdout(File::create(&out).unwrap()).stderr(File::create(&log).unwrap()).spawn().unwrap();
    let (succeeded, usage) = wait(child.id());
    assert!(succeeded, "{command:?} failed: {}", fs::read_to_string(&log).unwrap_or_default());
    let milliseconds = |time: libc::timeval| time.tv_sec as f64 * 1e3 + time.tv_usec as f64 / 1e3;
    Cost {
        cpu_ms: milliseconds(usage.ru_utime) + milliseconds(usage.ru_stime),
        peak_mib: usage.ru_maxrss as f64 / PER_MIB,
        check_ms: duration_ms(&out),
    }
}

/// The peak of a process that does nothing: what is left of the harness in every peak.
pub(crate) fn floor() -> f64 {
    let folder = tempfile::tempdir().unwrap();
    run(&mut Command::new("/bin/true"), folder.path()).peak_mib
}

/// `ru_maxrss` is in KiB on Linux and in bytes on macOS.
const PER_MIB: f64 = if cfg!(target_os = "macos") { 1024.0 * 1024.0 } else { 1024.0 };

#[expect(unsafe_code, reason = "the standard library waits without telling what the child cost")]
fn wait(pid: u32) -> (bool, libc::rusage) {
    let mut status = 0;
    // SAFETY: `rusage` is plain numbers, and both pointers are to our own values for the time of the call.
    unsafe {
        let mut usage: libc::rusage = std::mem::zeroed();
        let waited = libc::wait4(pid.cast_signed(), &raw mut status, 0, &raw mut usage);
        (waited == pid.cast_signed() && libc::WIFEXITED(status) && libc::WEXITSTATUS(status) == 0, usage)
    }
}

/// Found in the first lines of the report; the whole of it may be large, and would count in the next child's peak.
fn duration_ms(out: &Path) -> f64 {
    use std::io::{BufRead, BufReader};
    let mut lines = BufReader::new(File::open(out).unwrap()).lines().map_while(Result::ok).take(5);
    let found = lines.find_map(|line| line.trim().strip_prefix("\"duration_ms\": ")?.strip_suffix(',')?.parse().ok());
    found.unwrap_or(f64::NAN)
}

pub(crate) fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

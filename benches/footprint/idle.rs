//! The resident program between two checks: resident memory, wake-ups and CPU time a minute. Linux only: read from /proc.

use std::path::Path;

use crate::table::Row;

#[cfg(not(target_os = "linux"))]
pub(crate) fn rows(_: &Path) -> Vec<Row> {
    Vec::new()
}

#[cfg(target_os = "linux")]
pub(crate) fn rows(folder: &Path) -> Vec<Row> {
    linux::rows(folder)
}

#[cfg(target_os = "linux")]
mod linux {
    use std::collections::BTreeMap;
    use std::fs;
    use std::path::Path;
    use std::process::Stdio;
    use std::thread;
    use std::time::{Duration, Instant};

    use super::Row;
    use crate::homes::{Home, Kind};

    /// Threads that read files end when they had nothing to do for ten seconds: idleness begins then.
    const SETTLE: Duration = Duration::from_secs(12);

    #[expect(clippy::disallowed_methods, reason = "idleness is measured by letting time pass")]
    pub(super) fn rows(folder: &Path) -> Vec<Row> {
        let window = std::env::var("OPERATOR_BENCH_IDLE_SECONDS").ok().and_then(|s| s.parse().ok()).unwrap_or(60);
        let home = Home::make(&folder.join("idle"), Kind::Demo);
        let mut engine = home.headless().stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let deadline = Instant::now() + Duration::from_secs(30);
        while !home.state_file().exists() {
            assert!(Instant::now() < deadline, "the first check never ended");
            thread::sleep(Duration::from_millis(50));
        }
        thread::sleep(SETTLE);
        let before = threads(engine.id());
        thread::sleep(Duration::from_secs(window));
        let after = threads(engine.id());
        let resident = status_of(&format!("/proc/{}/status", engine.id()), "VmRSS:") / 1024.0;
        engine.kill().unwrap();
        engine.wait().unwrap();
        let gone = |of: fn(&Thread) -> f64| -> f64 {
            let of_one = |(id, now): (&String, &Thread)| of(now) - before.get(id).map_or(0.0, of);
            after.iter().map(of_one).sum::<f64>() * 60.0 / window as f64
        };
        vec![
            Row::new("headless and idle, resident memory", resident, "MiB", Some(8.0)),
            Row::new("headless and idle, wake-ups a minute", gone(|thread| thread.wakeups), "", Some(6.0)),
            Row::new("headless and idle, CPU a minute", gone(|thread| thread.cpu_ms), "ms", Some(2.0)),
        ]
    }

    /// What a thread has done since it began.
    struct Thread {
        wakeups: f64,
        cpu_ms: f64,
    }

    fn threads(pid: u32) -> BTreeMap<String, Thread> {
        let folder = fs::read_dir(format!("/proc/{pid}/task")).unwrap();
        let of = |thread: fs::DirEntry| {
            let path = thread.path().display().to_string();
            let on_cpu = fs::read_to_string(format!("{path}/schedstat")).unwrap();
            let nanoseconds: f64 = on_cpu.split(' ').next().unwrap().parse().unwrap();
            let wakeups = status_of(&format!("{path}/status"), "voluntary_ctxt_switches:");
            (path, Thread { wakeups, cpu_ms: nanoseconds / 1e6 })
        };
        folder.map(|thread| of(thread.unwrap())).collect()
    }

    fn status_of(path: &str, field: &str) -> f64 {
        let status = fs::read_to_string(path).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix(field)).unwrap();
        line.split_whitespace().next().unwrap().parse().unwrap()
    }
}

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
    use std::time::Duration;

    use super::Row;
    use crate::homes::{Home, Kind};
    use crate::server::Server;

    /// Threads that read files end when they had nothing to do for ten seconds: idleness begins then.
    const SETTLE: Duration = Duration::from_secs(12);

    pub(super) fn rows(folder: &Path) -> Vec<Row> {
        let alone = Home::make(&folder.join("idle"), Kind::Demo);
        let listening = Home::make(&folder.join("listening"), Kind::Demo);
        let server = Server::start();
        // There is no desktop here, and what cannot be notified is tried again: that would not be idleness.
        alone.configure("alerters: {notification: {enabled: false}}\n");
        listening.configure(&format!(
            "alerters: {{notification: {{enabled: false}}, telegram: {{enabled: true, token: \"1:a\", chat_id: 1, \
             api_url: {:?}, min_priority: critical}}}}\n",
            server.url
        ));
        let mut rows = measured(&alone, "headless and idle");
        rows.extend(measured(&listening, "the same, listening to Telegram"));
        rows
    }

    #[expect(clippy::disallowed_methods, reason = "idleness is measured by letting time pass")]
    fn measured(home: &Home, what: &str) -> Vec<Row> {
        let window = std::env::var("OPERATOR_BENCH_IDLE_SECONDS").ok().and_then(|s| s.parse().ok()).unwrap_or(60);
        let mut engine = home.headless().stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        home.wait_for_the_first_check();
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
            Row::new(&format!("{what}, resident memory"), resident, "MiB", Some(8.0)),
            Row::new(&format!("{what}, wake-ups a minute"), gone(|thread| thread.wakeups), "", Some(6.0)),
            Row::new(&format!("{what}, CPU a minute"), gone(|thread| thread.cpu_ms), "ms", Some(2.0)),
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

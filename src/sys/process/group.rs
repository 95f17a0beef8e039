//! A program with all that it starts: its process group.

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::process::Child;

/// The group that a child leads. It is killed when this is dropped.
pub(crate) struct Group(Option<Pid>);

impl Group {
    pub(crate) fn of(leader: &Child) -> Self {
        Self(leader.id().and_then(|id| Pid::from_raw(id.try_into().ok()?)))
    }

    /// Ask all of it to end.
    pub(crate) fn ask_to_end(&self) {
        self.signal(Signal::TERM);
    }

    /// Kill what is left of it. Once: the number of a group that is gone may be given to another.
    pub(crate) fn end(&mut self) {
        self.signal(Signal::KILL);
        self.0 = None;
    }

    fn signal(&self, signal: Signal) {
        if let Some(group) = self.0 {
            // Nobody may be left in it.
            let _ = kill_process_group(group, signal);
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.end();
    }
}

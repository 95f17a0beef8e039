//! What a program says, up to a limit.

use tokio::io::{AsyncRead, AsyncReadExt};

use crate::core::text::clip;

/// No more of a line is shown (characters).
const LINE: usize = 200;

/// The beginning of what was said.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Output {
    /// The bytes that were kept.
    pub bytes: Vec<u8>,
    /// Whether there was more.
    pub is_cut: bool,
}

impl Output {
    /// Read to the end, so that nobody waits to get rid of what is not kept. No more than `cap` bytes are.
    pub(crate) async fn read(&mut self, from: Option<impl AsyncRead + Unpin>, cap: usize) {
        let Some(mut from) = from else { return };
        let mut buffer = vec![0; 16 * 1024];
        while let Ok(length @ 1..) = from.read(&mut buffer).await {
            let read = buffer.get(..length).unwrap_or_default();
            let room = cap.saturating_sub(self.bytes.len()).min(length);
            self.bytes.extend_from_slice(read.get(..room).unwrap_or_default());
            self.is_cut |= room < length;
        }
    }

    /// As text; what is none becomes `�`.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }

    /// The first line that says something, short enough to be shown; empty if there is none.
    #[must_use]
    pub fn first_line(&self) -> String {
        let text = self.text();
        clip(text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default(), LINE)
    }
}

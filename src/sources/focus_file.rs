//! The focus file: only its name and age matter.

use std::fs;
use std::path::Path;

use jiff::Timestamp;

use super::error::SourceError;
use crate::core::facts::FocusFile;

const SOURCE: &str = "focus_file";

/// When the file was last changed. Blocking.
///
/// # Errors
/// `Outage` if there is no such file, `NeedsUser` if it is not a file or may not be looked at.
pub fn read(path: &Path) -> Result<FocusFile, SourceError> {
    let meta = fs::metadata(path).map_err(|e| SourceError::unreadable(SOURCE, path, &e))?;
    if !meta.is_file() {
        let what = format!("{} is not a file", path.display());
        return Err(SourceError::needs_user(SOURCE, what, "Check that the path names the focus file itself."));
    }
    let modified = meta.modified().map_err(|e| SourceError::unreadable(SOURCE, path, &e))?;
    let modified = Timestamp::try_from(modified)
        .map_err(|_| SourceError::outage(SOURCE, format!("the age of {} is out of range", path.display())))?;
    let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
    Ok(FocusFile { name, modified })
}

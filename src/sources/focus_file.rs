//! The focus file: only its name and modification time are read.

use std::fs;
use std::path::Path;

use jiff::Timestamp;

use super::Error;
use crate::core::facts::FocusFile;

const SOURCE: &str = "focus_file";

/// Blocking.
pub fn fetch(path: &Path) -> Result<FocusFile, Error> {
    let metadata = fs::metadata(path).map_err(|error| Error::from_io(SOURCE, path, &error))?;
    if !metadata.is_file() {
        let message = format!("{} is not a file", path.display());
        return Err(Error::action_required(SOURCE, message, "Set sources.focus_file.path to the focus file itself."));
    }
    let modified = metadata.modified().map_err(|error| Error::from_io(SOURCE, path, &error))?;
    let modified = Timestamp::try_from(modified)
        .map_err(|_| Error::transient(SOURCE, format!("the age of {} is out of range", path.display())))?;
    let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
    Ok(FocusFile { name, modified })
}

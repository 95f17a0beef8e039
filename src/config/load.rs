//! Finding the file, reading it, and writing the commented default where there is none.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Read};
use std::path::{Path, PathBuf};

use super::error::{Error, Position, with_position};
use super::interpolate::Env;
use super::schema::Config;
use super::{DEFAULT, Loaded, parse, paths};
use crate::sys::atomic_file;

const MAX_FILE_BYTES: u64 = 1 << 20;

/// Load `explicit`, which must exist, or the file at the default path. Without a file the defaults apply; with `write_default`
/// the commented default is written to the default path.
pub fn load(explicit: Option<&Path>, env: &Env, write_default: bool) -> Result<Loaded, Error> {
    if let Some(path) = explicit {
        return match read_file(path)? {
            Some(text) => parse_file(path, &text, env),
            None => Err(Error::file_level(format!(
                "{}: there is no such file: create it, or leave --config out to use the default one",
                path.display()
            ))),
        };
    }
    let path = match paths::default_config(env) {
        Ok(path) => path,
        Err(error) => return Ok(defaults(None, vec![error.to_string()])),
    };
    match read_file(&path)? {
        Some(text) => parse_file(&path, &text, env),
        None if !write_default => Ok(defaults(None, Vec::new())),
        None => Ok(match replace_file(&path, DEFAULT) {
            Ok(()) => defaults(Some(path), Vec::new()),
            Err(error) => {
                let warning = format!(
                    "{}: the default configuration could not be written: {error}; going on with the defaults",
                    path.display()
                );
                defaults(None, vec![warning])
            }
        }),
    }
}

fn parse_file(path: &Path, text: &str, env: &Env) -> Result<Loaded, Error> {
    let (config, warnings) = parse(text, &path.display().to_string(), env)?;
    Ok(Loaded { config, path: Some(path.to_path_buf()), warnings })
}

fn defaults(path: Option<PathBuf>, warnings: Vec<String>) -> Loaded {
    Loaded { config: Config::default(), path, warnings }
}

/// The file's text without a byte order mark; none if there is no file.
pub fn file_text(path: &Path) -> Result<Option<String>, Error> {
    Ok(read_file(path)?.map(|text| text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text)))
}

fn read_file(path: &Path) -> Result<Option<String>, Error> {
    let fail = |what: String| Error::file_level(format!("{}: {what}", path.display()));
    let bytes = match read_limited(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == ErrorKind::NotFound && fs::symlink_metadata(path).is_err() => return Ok(None),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            return Err(fail("this is a link to a file that does not exist: fix or remove it".into()));
        }
        Err(error) if error.kind() == ErrorKind::IsADirectory => {
            return Err(fail("this is a folder: give the file in it".into()));
        }
        Err(error) if error.kind() == ErrorKind::PermissionDenied => {
            return Err(fail("this file may not be read: allow it with 'chmod u+r', or give another".into()));
        }
        Err(error) => return Err(fail(format!("this file cannot be read: {error}"))),
    };
    if bytes.len() as u64 > MAX_FILE_BYTES {
        return Err(fail("this file is larger than 1 MiB, the most that is read".into()));
    }
    String::from_utf8(bytes).map(Some).map_err(|error| not_text(path, &error))
}

fn read_limited(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn not_text(path: &Path, error: &std::string::FromUtf8Error) -> Error {
    let good = error.as_bytes().get(..error.utf8_error().valid_up_to()).unwrap_or_default();
    let good = String::from_utf8_lossy(good);
    let (line, column) = (good.matches('\n').count() as u64 + 1, good.rsplit('\n').next().unwrap_or_default());
    let at = Position { line, column: column.chars().count() as u64 + 1 };
    Error::file_level(with_position(
        &path.display().to_string(),
        Some(at),
        "this is not UTF-8 text: save the file as UTF-8",
    ))
}

/// Replace the file atomically, readable by its owner alone. A missing folder is created.
pub fn replace_file(path: &Path, text: &str) -> io::Result<()> {
    paths::private_dir(path.parent().ok_or(ErrorKind::InvalidInput)?)?;
    atomic_file::replace(path, text.as_bytes(), atomic_file::PRIVATE)
}

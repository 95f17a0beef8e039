//! Operator.app: laid out beside its place, finished there, and only then put in it.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

use crate::call::Runner;
use crate::failure::{About, Failure};
use crate::finish::Finish;
use crate::info::Info;
use crate::replace;

/// The bundle's name.
pub const NAME: &str = "Operator.app";

/// What goes into the bundle.
#[derive(Debug, Clone)]
pub struct Parts {
    info: Info,
    icon: Vec<u8>,
    program: PathBuf,
}

impl Parts {
    /// The program and what lies beside it in the project's folder. Everything is looked at before anything is made.
    ///
    /// # Errors
    /// When something is missing, or the program is no file.
    pub fn gather(root: &Path, info: Info, program: &Path) -> Result<Self, Failure> {
        let icon = root.join("assets/icon.icns");
        let icon = fs::read(&icon).about(&icon)?;
        let kind = fs::metadata(program).about(program)?;
        if !kind.is_file() || kind.len() == 0 {
            return Err(Failure::content(program.display().to_string(), "is not a program"));
        }
        Ok(Self { info, icon, program: program.to_owned() })
    }

    /// The image's file name: it says the version.
    #[must_use]
    pub fn image_name(&self) -> String {
        image_name(self.info.version())
    }

    /// Make `app` and everything in it. Its modes do not depend on who makes it: another user must be able to start it.
    fn lay_out(&self, app: &Path) -> Result<(), Failure> {
        let contents = app.join("Contents");
        let (programs, resources) = (contents.join("MacOS"), contents.join("Resources"));
        for folder in [app, &contents, &programs, &resources] {
            fs::create_dir(folder).about(folder)?;
            mode(folder, 0o755)?;
        }
        let program = programs.join("operator");
        fs::copy(&self.program, &program).about(&self.program)?;
        mode(&program, 0o755)?;
        let info = self.info.to_xml()?;
        let files: [(PathBuf, &[u8]); 3] = [
            (contents.join("Info.plist"), &info),
            (contents.join("PkgInfo"), b"APPL????"),
            (resources.join("icon.icns"), &self.icon),
        ];
        for (path, content) in files {
            fs::write(&path, content).about(&path)?;
            mode(&path, 0o644)?;
        }
        Ok(())
    }
}

/// The disk image of a version.
#[must_use]
pub fn image_name(version: &str) -> String {
    format!("Operator-{version}.dmg")
}

/// Make the bundle in `out`, and the image if one is wanted; gives what was made. Without a finish (away from a Mac) it is
/// neither signed nor packed.
///
/// # Errors
/// When a step fails; then `out` holds what it held before. (If it is the very last one, the image may be the new one already.)
pub fn make(parts: &Parts, out: &Path, finish: Option<&Finish>, run: &mut Runner) -> Result<Vec<PathBuf>, Failure> {
    fs::create_dir_all(out).about(out)?;
    // On the same file system, for what is ready is renamed; goes away by itself, whatever happens.
    let stage = tempfile::Builder::new().prefix(".operator-").tempdir_in(out).about(out)?;
    let folder = stage.path().join("Operator");
    fs::create_dir(&folder).about(&folder)?;
    let app = folder.join(NAME);
    parts.lay_out(&app)?;

    let image = stage.path().join(parts.image_name());
    let packed = finish.is_some_and(|finish| finish.image);
    if packed {
        let link = folder.join("Applications");
        symlink("/Applications", &link).about(&link)?;
    }
    if let Some(finish) = finish {
        let calls = finish.calls(&app, &folder, &image, &stage.path().join("Operator.zip"));
        calls.iter().try_for_each(run)?;
    }

    let mut made = vec![out.join(NAME)];
    if packed {
        // The image first: a file that is there gives way by itself, and if this fails the app is still the old one.
        let place = out.join(parts.image_name());
        fs::rename(&image, &place).about(&place)?;
        made.push(place);
    }
    replace::folder(&app, &out.join(NAME))?;
    Ok(made)
}

fn mode(path: &Path, mode: u32) -> Result<(), Failure> {
    fs::set_permissions(path, Permissions::from_mode(mode)).about(path)
}

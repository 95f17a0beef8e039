//! Operator.app: built in a temporary folder, then moved into place.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

use crate::call::Runner;
use crate::error::{Error, WithPath};
use crate::finish::Finish;
use crate::info::Info;
use crate::replace;

pub const NAME: &str = "Operator.app";

#[derive(Debug, Clone)]
pub struct Parts {
    info: Info,
    icon: Vec<u8>,
    program: PathBuf,
}

impl Parts {
    /// Read all inputs from the workspace at `root`, before anything is written.
    pub fn gather(root: &Path, info: Info, program: &Path) -> Result<Self, Error> {
        let icon = root.join("assets/icon.icns");
        let icon = fs::read(&icon).with_path(&icon)?;
        let kind = fs::metadata(program).with_path(program)?;
        if !kind.is_file() || kind.len() == 0 {
            return Err(Error::content(program.display().to_string(), "is not a program"));
        }
        Ok(Self { info, icon, program: program.to_owned() })
    }

    #[must_use]
    pub fn image_name(&self) -> String {
        image_name(self.info.version())
    }

    /// Create `app`. Modes are fixed, whatever the umask: another user must be able to start it.
    fn lay_out(&self, app: &Path) -> Result<(), Error> {
        let contents = app.join("Contents");
        let (programs, resources) = (contents.join("MacOS"), contents.join("Resources"));
        for folder in [app, &contents, &programs, &resources] {
            fs::create_dir(folder).with_path(folder)?;
            mode(folder, 0o755)?;
        }
        let program = programs.join("operator");
        fs::copy(&self.program, &program).with_path(&self.program)?;
        mode(&program, 0o755)?;
        let info = self.info.to_xml()?;
        let files: [(PathBuf, &[u8]); 3] = [
            (contents.join("Info.plist"), &info),
            (contents.join("PkgInfo"), b"APPL????"),
            (resources.join("icon.icns"), &self.icon),
        ];
        for (path, content) in files {
            fs::write(&path, content).with_path(&path)?;
            mode(&path, 0o644)?;
        }
        Ok(())
    }
}

#[must_use]
pub fn image_name(version: &str) -> String {
    format!("Operator-{version}.dmg")
}

/// Build the bundle in `out`, and the image if requested. Returns the paths. Without `finish` (not on macOS) the bundle is
/// neither signed nor packed.
///
/// On an error `out` is unchanged, except that the new image may be there if the last step failed.
pub fn make(parts: &Parts, out: &Path, finish: Option<&Finish>, run: &mut Runner) -> Result<Vec<PathBuf>, Error> {
    fs::create_dir_all(out).with_path(out)?;
    // On the same file system, so that the result can be renamed into place; removed on drop.
    let stage = tempfile::Builder::new().prefix(".operator-").tempdir_in(out).with_path(out)?;
    let folder = stage.path().join("Operator");
    fs::create_dir(&folder).with_path(&folder)?;
    let app = folder.join(NAME);
    parts.lay_out(&app)?;

    let image = stage.path().join(parts.image_name());
    let packed = finish.is_some_and(|finish| finish.image);
    if packed {
        let link = folder.join("Applications");
        symlink("/Applications", &link).with_path(&link)?;
    }
    if let Some(finish) = finish {
        let calls = finish.calls(&app, &folder, &image, &stage.path().join("Operator.zip"));
        calls.iter().try_for_each(run)?;
    }

    let mut made = vec![out.join(NAME)];
    if packed {
        // The image first: a rename replaces a file, and if it fails the old app is still there.
        let place = out.join(parts.image_name());
        fs::rename(&image, &place).with_path(&place)?;
        made.push(place);
    }
    replace::folder(&app, &out.join(NAME))?;
    Ok(made)
}

fn mode(path: &Path, mode: u32) -> Result<(), Error> {
    fs::set_permissions(path, Permissions::from_mode(mode)).with_path(path)
}

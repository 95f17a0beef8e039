//! The finished bundle, and the state after a failed build.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use bundle::app::{self, Parts};
use bundle::call::Call;
use bundle::error::Error;
use bundle::finish::Finish;
use bundle::icons;
use bundle::info::Info;
use icns::{IconFamily, IconType};
use tempfile::TempDir;

const STUB: &[u8] = b"stub";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// A temporary folder with a program and an output folder.
struct Workspace {
    folder: TempDir,
}

impl Workspace {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let workspace = Self { folder };
        if cfg!(target_os = "macos") {
            // macOS signs it, so it must be a real program.
            fs::copy(env!("CARGO_BIN_EXE_bundle"), workspace.program()).unwrap();
        } else {
            fs::write(workspace.program(), STUB).unwrap();
        }
        workspace
    }

    fn program(&self) -> PathBuf {
        self.folder.path().join("program")
    }

    fn out(&self) -> PathBuf {
        self.folder.path().join("out")
    }

    fn app(&self) -> PathBuf {
        self.out().join("Operator.app")
    }

    fn made(&self) -> Vec<String> {
        let mut names: Vec<_> = fs::read_dir(self.out())
            .into_iter()
            .flatten()
            .map(|it| it.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    fn parts(&self) -> Parts {
        Parts::gather(&root(), Info::load(&root()).unwrap(), &self.program()).unwrap()
    }
}

fn bundle(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_bundle")).args(args).output().unwrap()
}

fn lay_out(workspace: &Workspace) -> Output {
    bundle(&["app", "--binary", workspace.program().to_str().unwrap(), "--out", workspace.out().to_str().unwrap()])
}

fn results(output: &Output) -> (i32, String, String) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (output.status.code().unwrap(), text(&output.stdout), text(&output.stderr))
}

/// Files and folders under `folder` with their modes; folders end with a slash.
fn tree(folder: &Path) -> BTreeSet<(String, u32)> {
    fn walk(at: &Path, root: &Path, found: &mut BTreeSet<(String, u32)>) {
        for entry in fs::read_dir(at).unwrap() {
            let path = entry.unwrap().path();
            let kind = fs::symlink_metadata(&path).unwrap();
            let slash = if kind.is_dir() { "/" } else { "" };
            let name = path.strip_prefix(root).unwrap().to_str().unwrap();
            found.insert((format!("{name}{slash}"), kind.permissions().mode() & 0o777));
            if kind.is_dir() {
                walk(&path, root, found);
            }
        }
    }
    let mut found = BTreeSet::new();
    walk(folder, folder, &mut found);
    found
}

/// The version that Cargo reports.
fn cargo_version() -> String {
    let cargo = std::env::var("CARGO").unwrap();
    let output =
        Command::new(cargo).args(["pkgid", "--offline", "-p", "operator"]).current_dir(root()).output().unwrap();
    let id = String::from_utf8(output.stdout).unwrap();
    id.trim().rsplit(['#', '@']).next().unwrap().to_owned()
}

#[test]
fn bundle_has_exactly_the_expected_files() {
    let workspace = Workspace::new();
    // Other users must be able to start it.
    fs::set_permissions(workspace.program(), fs::Permissions::from_mode(0o600)).unwrap();
    let (code, out, _) = results(&lay_out(&workspace));
    assert_eq!((code, out), (0, format!("{}\n", workspace.app().display())));
    let wanted = [
        ("Contents/", 0o755),
        ("Contents/Info.plist", 0o644),
        ("Contents/MacOS/", 0o755),
        ("Contents/MacOS/operator", 0o755),
        ("Contents/PkgInfo", 0o644),
        ("Contents/Resources/", 0o755),
        ("Contents/Resources/icon.icns", 0o644),
    ];
    // macOS adds a signature.
    let found: BTreeSet<_> =
        tree(&workspace.app()).into_iter().filter(|(name, _)| !name.starts_with("Contents/_CodeSignature")).collect();
    assert_eq!(found, wanted.map(|(name, mode)| (name.to_owned(), mode)).into());
    assert_eq!(fs::metadata(workspace.app()).unwrap().permissions().mode() & 0o777, 0o755);
    assert_eq!(fs::read(workspace.app().join("Contents/PkgInfo")).unwrap(), b"APPL????");
    if cfg!(not(target_os = "macos")) {
        assert_eq!(fs::read(workspace.app().join("Contents/MacOS/operator")).unwrap(), STUB);
    }
    assert_eq!(workspace.made(), ["Operator.app"]);
}

#[test]
fn plist_has_the_required_keys() {
    let workspace = Workspace::new();
    assert!(lay_out(&workspace).status.success());
    let plist = plist::Value::from_file(workspace.app().join("Contents/Info.plist")).unwrap();
    let keys = plist.as_dictionary().unwrap();
    let text = |key: &str| keys.get(key).and_then(plist::Value::as_string).unwrap_or_else(|| panic!("{key}"));
    let version = cargo_version();
    for (key, value) in [
        ("CFBundleShortVersionString", version.as_str()),
        ("CFBundleVersion", version.split('-').next().unwrap()),
        ("CFBundleIdentifier", "com.thanos.operator"),
        ("CFBundleName", "Operator"),
        ("CFBundleDisplayName", "Operator"),
        ("CFBundlePackageType", "APPL"),
        ("CFBundleInfoDictionaryVersion", "6.0"),
        ("LSMinimumSystemVersion", "13.0"),
        ("LSApplicationCategoryType", "public.app-category.productivity"),
    ] {
        assert_eq!(text(key), value, "{key}");
    }
    assert!(text("NSHumanReadableCopyright").starts_with("Copyright © "));
    for key in ["LSUIElement", "NSHighResolutionCapable"] {
        assert_eq!(keys.get(key).and_then(plist::Value::as_boolean), Some(true), "{key}");
    }
    // The named files exist.
    assert!(workspace.app().join("Contents/MacOS").join(text("CFBundleExecutable")).is_file());
    assert!(workspace.app().join("Contents/Resources").join(text("CFBundleIconFile")).with_extension("icns").is_file());
}

#[test]
fn icon_has_every_size() {
    let workspace = Workspace::new();
    assert!(lay_out(&workspace).status.success());
    let family = IconFamily::read(File::open(workspace.app().join("Contents/Resources/icon.icns")).unwrap()).unwrap();
    let kinds: BTreeSet<_> = family.available_icons().into_iter().map(|kind| format!("{kind:?}")).collect();
    assert_eq!(kinds, icons::APP.iter().map(|kind| format!("{kind:?}")).collect());
    for kind in icons::APP {
        let image = family.get_icon_with_type(kind).unwrap();
        assert_eq!((image.width(), image.height()), (kind.pixel_width(), kind.pixel_height()), "{kind:?}");
    }
    let whole = family.get_icon_with_type(IconType::RGBA32_512x512_2x).unwrap();
    let alpha = |x: usize, y: usize| whole.data()[(y * 1024 + x) * 4 + 3];
    assert_eq!((alpha(512, 512), alpha(50, 50)), (255, 0), "full in the middle, a margin around it");
}

#[test]
fn rebuild_replaces_the_whole_bundle() {
    let workspace = Workspace::new();
    assert!(lay_out(&workspace).status.success());
    fs::write(workspace.app().join("Contents/Resources/old-file"), "x").unwrap();
    assert!(lay_out(&workspace).status.success());
    assert!(!workspace.app().join("Contents/Resources/old-file").exists());
    assert_eq!(workspace.made(), ["Operator.app"]);
}

#[test]
fn invalid_program_builds_nothing() {
    let workspace = Workspace::new();
    fs::write(workspace.program(), "").unwrap();
    let (code, out, err) = results(&lay_out(&workspace));
    assert_eq!((code, out.as_str()), (1, ""));
    assert!(err.contains("is not a program"), "{err}");
    assert!(!workspace.out().exists());
    fs::remove_file(workspace.program()).unwrap();
    let (code, _, err) = results(&lay_out(&workspace));
    assert!(code == 1 && err.contains("program: No such file"), "{err}");
    assert!(!workspace.out().exists());
}

/// Each macOS step fails once: the old bundle and image stay, and no other file is left.
#[test]
fn failed_step_keeps_the_old_bundle() {
    let workspace = Workspace::new();
    let parts = workspace.parts();
    let finish = Finish { identity: Some("me".into()), image: true, notarize: Some("profile".into()) };
    fs::create_dir_all(workspace.app()).unwrap();
    fs::write(workspace.app().join("old"), "old").unwrap();
    let image = workspace.out().join(parts.image_name());
    fs::write(&image, "old").unwrap();
    let before = workspace.made();
    for failing in 0.. {
        let mut steps = 0;
        let made = app::make(&parts, &workspace.out(), Some(&finish), &mut |call| {
            steps += 1;
            if steps > failing { Err(Error::Usage("no".into())) } else { imitate(call) }
        });
        if made.is_ok() {
            assert_eq!(steps, 9, "each step was made to fail");
            break;
        }
        assert_eq!(workspace.made(), before);
        assert_eq!(fs::read_to_string(workspace.app().join("old")).unwrap(), "old");
        assert_eq!(fs::read_to_string(&image).unwrap(), "old");
    }
    assert_eq!(workspace.made(), before);
    assert_eq!(fs::read_to_string(&image).unwrap(), "image");
    assert!(workspace.app().join("Contents").is_dir() && !workspace.app().join("old").exists());
}

/// Imitate the calls: create the image and check the content of its folder.
fn imitate(call: &Call) -> Result<(), Error> {
    let line = call.to_string();
    if line.starts_with("hdiutil") {
        let mut words = line.rsplit(' ');
        let (image, folder) = (words.next().unwrap(), Path::new(words.next().unwrap()));
        let top: BTreeSet<_> = fs::read_dir(folder).unwrap().map(|it| it.unwrap().file_name()).collect();
        assert_eq!(top, ["Applications", "Operator.app"].map(Into::into).into());
        assert_eq!(fs::read_link(folder.join("Applications")).unwrap(), Path::new("/Applications"));
        fs::write(image, "image").unwrap();
    }
    Ok(())
}

#[test]
fn wrong_usage_exits_with_64() {
    for (args, expected) in [
        (&["cake"][..], "unrecognized subcommand"),
        (&["app", "--notarize", "x"], "--identity"),
        (&["app", "--identity", "-"], "leave --identity out"),
        (&["cask", "--dmg", "x.dmg", "--repository", "me"], "owner/operator"),
        (&["cask", "--dmg", "x.dmg", "--repository", "me/it"], "is released as Operator-"),
    ] {
        let (code, out, err) = results(&bundle(args));
        assert_eq!((code, out.as_str()), (64, ""), "{args:?}");
        assert!(err.contains(expected), "{args:?}: {err}");
    }
    assert_eq!(results(&bundle(&["--help"])).0, 0);
}

#[cfg(not(target_os = "macos"))]
#[test]
fn other_systems_get_a_hint() {
    for args in [&["app"][..], &["app", "--dmg"]] {
        let (code, out, err) = results(&bundle(args));
        assert_eq!((code, out.as_str()), (64, ""), "{args:?}");
        assert!(err.contains("needs a Mac") && err.contains("--binary FILE"), "{err}");
    }
}

#[test]
fn cask_of_an_image_is_printed() {
    let workspace = Workspace::new();
    let image = workspace.folder.path().join(workspace.parts().image_name());
    fs::write(&image, "abc").unwrap();
    let (code, out, _) = results(&bundle(&["cask", "--dmg", image.to_str().unwrap(), "--repository", "me/it"]));
    assert_eq!(code, 0);
    assert!(out.contains(&format!("version \"{}\"", cargo_version())), "{out}");
    assert!(out.contains("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"), "{out}");
}

//! The finished bundle, as macOS will read it; and what is left when it cannot be finished.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use bundle::app::{self, Parts};
use bundle::call::Call;
use bundle::failure::Failure;
use bundle::finish::Finish;
use bundle::icons;
use bundle::info::Info;
use icns::{IconFamily, IconType};
use tempfile::TempDir;

/// Stands in for the program: only its bytes matter.
const STUB: &[u8] = b"stub";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// A folder with a program, and beside it the folder that the bundle goes to.
struct Desk {
    folder: TempDir,
}

impl Desk {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let desk = Self { folder };
        if cfg!(target_os = "macos") {
            // There it is signed: it must be a real program.
            fs::copy(env!("CARGO_BIN_EXE_bundle"), desk.program()).unwrap();
        } else {
            fs::write(desk.program(), STUB).unwrap();
        }
        desk
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

    /// Names in the output folder.
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
        Parts::gather(&root(), Info::read(&root()).unwrap(), &self.program()).unwrap()
    }
}

fn bundle(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_bundle")).args(args).output().unwrap()
}

fn lay_out(desk: &Desk) -> Output {
    bundle(&["app", "--binary", desk.program().to_str().unwrap(), "--out", desk.out().to_str().unwrap()])
}

fn said(output: &Output) -> (i32, String, String) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (output.status.code().unwrap(), text(&output.stdout), text(&output.stderr))
}

/// Files and folders under `folder`, folders with a stroke at the end, each with its mode.
fn tree(folder: &Path) -> BTreeSet<(String, u32)> {
    fn walk(at: &Path, root: &Path, found: &mut BTreeSet<(String, u32)>) {
        for entry in fs::read_dir(at).unwrap() {
            let path = entry.unwrap().path();
            let kind = fs::symlink_metadata(&path).unwrap();
            let stroke = if kind.is_dir() { "/" } else { "" };
            let name = path.strip_prefix(root).unwrap().to_str().unwrap();
            found.insert((format!("{name}{stroke}"), kind.permissions().mode() & 0o777));
            if kind.is_dir() {
                walk(&path, root, found);
            }
        }
    }
    let mut found = BTreeSet::new();
    walk(folder, folder, &mut found);
    found
}

/// Cargo's own opinion of the program's version.
fn cargo_version() -> String {
    let cargo = std::env::var("CARGO").unwrap();
    let output =
        Command::new(cargo).args(["pkgid", "--offline", "-p", "operator"]).current_dir(root()).output().unwrap();
    let id = String::from_utf8(output.stdout).unwrap();
    id.trim().rsplit(['#', '@']).next().unwrap().to_owned()
}

#[test]
fn it_holds_exactly_what_belongs_in_it() {
    let desk = Desk::new();
    // Other users must be able to start it, whoever made it.
    fs::set_permissions(desk.program(), fs::Permissions::from_mode(0o600)).unwrap();
    let (code, out, _) = said(&lay_out(&desk));
    assert_eq!((code, out), (0, format!("{}\n", desk.app().display())));
    let wanted = [
        ("Contents/", 0o755),
        ("Contents/Info.plist", 0o644),
        ("Contents/MacOS/", 0o755),
        ("Contents/MacOS/operator", 0o755),
        ("Contents/PkgInfo", 0o644),
        ("Contents/Resources/", 0o755),
        ("Contents/Resources/icon.icns", 0o644),
    ];
    // A Mac signs it as well.
    let found: BTreeSet<_> =
        tree(&desk.app()).into_iter().filter(|(name, _)| !name.starts_with("Contents/_CodeSignature")).collect();
    assert_eq!(found, wanted.map(|(name, mode)| (name.to_owned(), mode)).into());
    assert_eq!(fs::metadata(desk.app()).unwrap().permissions().mode() & 0o777, 0o755);
    assert_eq!(fs::read(desk.app().join("Contents/PkgInfo")).unwrap(), b"APPL????");
    if cfg!(not(target_os = "macos")) {
        assert_eq!(fs::read(desk.app().join("Contents/MacOS/operator")).unwrap(), STUB);
    }
    assert_eq!(desk.made(), ["Operator.app"]);
}

#[test]
fn its_plist_says_what_macos_must_know() {
    let desk = Desk::new();
    assert!(lay_out(&desk).status.success());
    let plist = plist::Value::from_file(desk.app().join("Contents/Info.plist")).unwrap();
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
    // What it names is there.
    assert!(desk.app().join("Contents/MacOS").join(text("CFBundleExecutable")).is_file());
    assert!(desk.app().join("Contents/Resources").join(text("CFBundleIconFile")).with_extension("icns").is_file());
}

#[test]
fn its_icon_has_every_size() {
    let desk = Desk::new();
    assert!(lay_out(&desk).status.success());
    let family = IconFamily::read(File::open(desk.app().join("Contents/Resources/icon.icns")).unwrap()).unwrap();
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
fn an_older_one_gives_way_whole() {
    let desk = Desk::new();
    assert!(lay_out(&desk).status.success());
    fs::write(desk.app().join("Contents/Resources/of the older one"), "x").unwrap();
    assert!(lay_out(&desk).status.success());
    assert!(!desk.app().join("Contents/Resources/of the older one").exists());
    assert_eq!(desk.made(), ["Operator.app"]);
}

#[test]
fn a_program_that_is_none_makes_nothing() {
    let desk = Desk::new();
    fs::write(desk.program(), "").unwrap();
    let (code, out, err) = said(&lay_out(&desk));
    assert_eq!((code, out.as_str()), (1, ""));
    assert!(err.contains("is not a program"), "{err}");
    assert!(!desk.out().exists());
    fs::remove_file(desk.program()).unwrap();
    let (code, _, err) = said(&lay_out(&desk));
    assert!(code == 1 && err.contains("program: No such file"), "{err}");
    assert!(!desk.out().exists());
}

/// Every step of a Mac fails once: the bundle and the image that were there are untouched, and nothing lies beside them.
#[test]
fn whatever_fails_leaves_what_was_there() {
    let desk = Desk::new();
    let parts = desk.parts();
    let finish = Finish { identity: Some("me".into()), image: true, notarize: Some("profile".into()) };
    fs::create_dir_all(desk.app()).unwrap();
    fs::write(desk.app().join("old"), "old").unwrap();
    let image = desk.out().join(parts.image_name());
    fs::write(&image, "old").unwrap();
    let before = desk.made();
    for failing in 0.. {
        let mut steps = 0;
        let made = app::make(&parts, &desk.out(), Some(&finish), &mut |call| {
            steps += 1;
            if steps > failing { Err(Failure::Usage("no".into())) } else { pretend(call) }
        });
        if made.is_ok() {
            assert_eq!(steps, 9, "each step was made to fail");
            break;
        }
        assert_eq!(desk.made(), before);
        assert_eq!(fs::read_to_string(desk.app().join("old")).unwrap(), "old");
        assert_eq!(fs::read_to_string(&image).unwrap(), "old");
    }
    assert_eq!(desk.made(), before);
    assert_eq!(fs::read_to_string(&image).unwrap(), "image");
    assert!(desk.app().join("Contents").is_dir() && !desk.app().join("old").exists());
}

/// Do of a call what the next steps need: an image is there afterwards. And look at what it is made of.
fn pretend(call: &Call) -> Result<(), Failure> {
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
fn the_command_line_says_what_is_wrong_and_ends_with_64() {
    for (args, told) in [
        (&["cake"][..], "unrecognized subcommand"),
        (&["app", "--notarize", "x"], "--identity"),
        (&["app", "--identity", "-"], "leave --identity out"),
        (&["cask", "--dmg", "x.dmg", "--repository", "me"], "owner/operator"),
        (&["cask", "--dmg", "x.dmg", "--repository", "me/it"], "is released as Operator-"),
    ] {
        let (code, out, err) = said(&bundle(args));
        assert_eq!((code, out.as_str()), (64, ""), "{args:?}");
        assert!(err.contains(told), "{args:?}: {err}");
    }
    assert_eq!(said(&bundle(&["--help"])).0, 0);
}

#[cfg(not(target_os = "macos"))]
#[test]
fn away_from_a_mac_it_says_what_is_possible() {
    for args in [&["app"][..], &["app", "--dmg"]] {
        let (code, out, err) = said(&bundle(args));
        assert_eq!((code, out.as_str()), (64, ""), "{args:?}");
        assert!(err.contains("needs a Mac") && err.contains("--binary FILE"), "{err}");
    }
}

#[test]
fn the_cask_of_an_image_is_printed() {
    let desk = Desk::new();
    let image = desk.folder.path().join(desk.parts().image_name());
    fs::write(&image, "abc").unwrap();
    let (code, out, _) = said(&bundle(&["cask", "--dmg", image.to_str().unwrap(), "--repository", "me/it"]));
    assert_eq!(code, 0);
    assert!(out.contains(&format!("version \"{}\"", cargo_version())), "{out}");
    assert!(out.contains("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"), "{out}");
}

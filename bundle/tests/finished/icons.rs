//! The committed icons match their SVG files, and status icons are templates that differ by shape.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use bundle::icons::{self, STATUS, STATUS_SIDE};
use icns::IconFamily;
use resvg::tiny_skia::Pixmap;

/// Tolerated difference per channel: renderer versions round differently.
const ROUNDING: u8 = 3;

fn assets() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("assets")
}

fn pictures(path: &Path, file: &[u8]) -> Vec<Vec<u8>> {
    if path.extension().is_some_and(|ending| ending == "png") {
        return vec![Pixmap::decode_png(file).unwrap().take()];
    }
    let family = IconFamily::read(file).unwrap();
    let image = |kind: &icns::IconType| family.get_icon_with_type(*kind).unwrap().data().to_vec();
    icons::APP.iter().map(image).collect()
}

fn status(name: &str) -> Pixmap {
    Pixmap::decode_png(&fs::read(assets().join("status").join(name).with_extension("png")).unwrap()).unwrap()
}

#[test]
fn committed_icons_match_the_svg_files() {
    let made = icons::all(&assets()).unwrap();
    assert_eq!(made.len(), 2 + STATUS.len());
    for (path, made) in made {
        let again = "does not match its SVG file: run `cargo run -p bundle -- icons`";
        let committed = fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}; {again}", path.display()));
        for (old, new) in pictures(&path, &committed).iter().zip(pictures(&path, &made)) {
            let same = old.len() == new.len() && old.iter().zip(&new).all(|(a, b)| a.abs_diff(*b) <= ROUNDING);
            assert!(same, "{} {again}", path.display());
        }
    }
}

#[test]
fn each_svg_file_has_a_status_icon() {
    let files = fs::read_dir(assets().join("status")).unwrap().map(|it| it.unwrap().path());
    let drawn: BTreeSet<_> = files.map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned()).collect();
    assert_eq!(drawn, STATUS.map(String::from).into());
}

#[test]
fn status_icons_are_black_with_alpha() {
    for name in STATUS {
        let picture = status(name);
        assert_eq!((picture.width(), picture.height()), (STATUS_SIDE, STATUS_SIDE), "{name}");
        assert!(picture.pixels().iter().all(|pixel| (pixel.red(), pixel.green(), pixel.blue()) == (0, 0, 0)), "{name}");
        let full = picture.pixels().iter().filter(|pixel| pixel.alpha() == 255).count();
        assert!(full > 100, "{name}: only {full} pixels are full");
    }
}

/// At display size, any two differ in a tenth of their pixels.
#[test]
fn status_icons_differ_by_shape() {
    let shape = |name: &str| {
        let drawing = assets().join("status").join(name).with_extension("svg");
        icons::draw(&drawing, STATUS_SIDE / 2).unwrap().pixels().iter().map(|pixel| pixel.alpha()).collect::<Vec<u8>>()
    };
    let shapes = STATUS.map(|name| (name, shape(name)));
    for (a, one) in &shapes {
        for (b, other) in shapes.iter().filter(|(b, _)| a < b) {
            let shown: u32 = one.iter().zip(other).map(|(x, y)| u32::from(*x.max(y))).sum();
            let differing: u32 = one.iter().zip(other).map(|(x, y)| u32::from(x.abs_diff(*y))).sum();
            assert!(differing * 10 > shown, "{a} and {b}: {differing} of {shown}");
        }
    }
}

//! The icons: drawn as SVG in `assets/`, made into what systems read.

use std::fs;
use std::path::{Path, PathBuf};

use icns::{IconFamily, IconType, Image, PixelFormat};
use resvg::tiny_skia::{Pixmap, Transform};
use resvg::usvg;

use crate::failure::{About, Failure};

/// One status icon for each state that the status bar shows, by its file's name.
pub const STATUS: [&str; 6] = ["fine", "alerts", "down", "paused", "quiet", "dry_run"];

/// Status icons are 18 points high: the status bar's height less a margin. Two pixels a point.
pub const STATUS_SIDE: u32 = 36;

/// The app icon as a picture, for documents.
pub const PICTURE_SIDE: u32 = 512;

/// The sizes of an app icon. 16 and 32 in the oldest encoding, which every reader knows; the others as PNG.
pub const APP: [IconType; 10] = [
    IconType::RGB24_16x16,
    IconType::RGBA32_16x16_2x,
    IconType::RGB24_32x32,
    IconType::RGBA32_32x32_2x,
    IconType::RGBA32_128x128,
    IconType::RGBA32_128x128_2x,
    IconType::RGBA32_256x256,
    IconType::RGBA32_256x256_2x,
    IconType::RGBA32_512x512,
    IconType::RGBA32_512x512_2x,
];

/// A file that is made, and what is in it.
pub type Made = (PathBuf, Vec<u8>);

/// Every file that is made from the drawings in `assets`.
///
/// # Errors
/// When a drawing is missing or cannot be drawn.
pub fn all(assets: &Path) -> Result<Vec<Made>, Failure> {
    let icon = assets.join("icon.svg");
    let mut made = vec![
        (assets.join("icon.icns"), family(&icon)?),
        (assets.join("icon.png"), png(&draw(&icon, PICTURE_SIDE)?, &icon)?),
    ];
    for name in STATUS {
        let drawing = assets.join("status").join(name).with_extension("svg");
        let picture = template(draw(&drawing, STATUS_SIDE)?);
        made.push((drawing.with_extension("png"), png(&picture, &drawing)?));
    }
    Ok(made)
}

/// The drawing, `side` pixels high and wide.
///
/// # Errors
/// When it is missing, no SVG, or not square.
pub fn draw(drawing: &Path, side: u32) -> Result<Pixmap, Failure> {
    let wrong = |why: String| Failure::content(drawing.display().to_string(), why);
    let data = fs::read(drawing).about(drawing)?;
    let tree = usvg::Tree::from_data(&data, &usvg::Options::default()).map_err(|error| wrong(error.to_string()))?;
    let size = tree.size();
    if size.width().to_bits() != size.height().to_bits() {
        return Err(wrong("is not square".to_owned()));
    }
    let mut picture = Pixmap::new(side, side).ok_or_else(|| wrong("has no size".to_owned()))?;
    #[expect(clippy::cast_precision_loss, reason = "no icon has a side of more than 1024")]
    let scale = side as f32 / size.width();
    resvg::render(&tree, Transform::from_scale(scale, scale), &mut picture.as_mut());
    Ok(picture)
}

/// Black with nothing but its alpha: the status bar gives such a template the colour that it needs.
fn template(mut picture: Pixmap) -> Pixmap {
    for pixel in picture.data_mut().as_chunks_mut::<4>().0 {
        *pixel = [0, 0, 0, pixel[3]];
    }
    picture
}

fn png(picture: &Pixmap, drawing: &Path) -> Result<Vec<u8>, Failure> {
    picture.encode_png().map_err(|error| Failure::content(drawing.display().to_string(), error))
}

/// The app icon in every size.
fn family(drawing: &Path) -> Result<Vec<u8>, Failure> {
    let wrong = |error: std::io::Error| Failure::content(drawing.display().to_string(), error);
    let mut family = IconFamily::new();
    for kind in APP {
        let side = kind.pixel_width();
        let image = Image::from_data(PixelFormat::RGBA, side, side, straight(&draw(drawing, side)?)).map_err(wrong)?;
        family.add_icon_with_type(&image, kind).map_err(wrong)?;
    }
    let mut file = Vec::new();
    family.write(&mut file).map_err(wrong)?;
    Ok(file)
}

/// Pixels as files hold them: colour not yet multiplied by alpha.
fn straight(picture: &Pixmap) -> Vec<u8> {
    let pixel = |pixel: &resvg::tiny_skia::PremultipliedColorU8| {
        let colour = pixel.demultiply();
        [colour.red(), colour.green(), colour.blue(), colour.alpha()]
    };
    picture.pixels().iter().flat_map(pixel).collect()
}

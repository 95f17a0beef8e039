//! Icons: PNG and ICNS files from the SVG files in `assets/`.

use std::fs;
use std::path::{Path, PathBuf};

use icns::{IconFamily, IconType, Image, PixelFormat};
use resvg::tiny_skia::{Pixmap, Transform};
use resvg::usvg;

use crate::error::{Error, WithPath};

/// File names of the status icons, one per state.
pub const STATUS: [&str; 6] = ["fine", "alerts", "down", "paused", "quiet", "dry_run"];

/// Pixels: 18 points at 2 pixels per point.
pub const STATUS_SIDE: u32 = 36;

/// Pixels of the app icon for documents.
pub const PICTURE_SIDE: u32 = 512;

/// Sizes of the app icon. 16 and 32 use the oldest encoding, which every reader supports; the others are PNG.
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

/// Path and content of a generated file.
pub type Made = (PathBuf, Vec<u8>);

/// All files generated from the SVG files in `assets`.
pub fn all(assets: &Path) -> Result<Vec<Made>, Error> {
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

/// Render a square SVG file at `side` pixels.
pub fn draw(drawing: &Path, side: u32) -> Result<Pixmap, Error> {
    let wrong = |why: String| Error::content(drawing.display().to_string(), why);
    let data = fs::read(drawing).with_path(drawing)?;
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

/// Black with alpha only: macOS colours such a template to fit the bar.
fn template(mut picture: Pixmap) -> Pixmap {
    for pixel in picture.data_mut().as_chunks_mut::<4>().0 {
        *pixel = [0, 0, 0, pixel[3]];
    }
    picture
}

fn png(picture: &Pixmap, drawing: &Path) -> Result<Vec<u8>, Error> {
    picture.encode_png().map_err(|error| Error::content(drawing.display().to_string(), error))
}

fn family(drawing: &Path) -> Result<Vec<u8>, Error> {
    let wrong = |error: std::io::Error| Error::content(drawing.display().to_string(), error);
    let mut family = IconFamily::new();
    for kind in APP {
        let side = kind.pixel_width();
        let image =
            Image::from_data(PixelFormat::RGBA, side, side, unpremultiplied(&draw(drawing, side)?)).map_err(wrong)?;
        family.add_icon_with_type(&image, kind).map_err(wrong)?;
    }
    let mut file = Vec::new();
    family.write(&mut file).map_err(wrong)?;
    Ok(file)
}

/// RGBA without premultiplied alpha, as files store it.
fn unpremultiplied(picture: &Pixmap) -> Vec<u8> {
    let pixel = |pixel: &resvg::tiny_skia::PremultipliedColorU8| {
        let colour = pixel.demultiply();
        [colour.red(), colour.green(), colour.blue(), colour.alpha()]
    };
    picture.pixels().iter().flat_map(pixel).collect()
}

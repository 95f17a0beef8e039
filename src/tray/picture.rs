//! The status icons as pixels.

use super::icon::Icon;

/// Red, green, blue and opacity of each pixel, with width and height. On macOS the system colours a black shape; a bar on Linux does
/// not, so that there the shape is white with a dark edge and seen on light and dark alike.
///
/// # Errors
/// In words, when the picture is none.
pub(crate) fn pixels(icon: Icon) -> Result<(Vec<u8>, u32, u32), String> {
    let mut reader =
        png::Decoder::new(std::io::Cursor::new(icon.png())).read_info().map_err(|error| error.to_string())?;
    let size = reader.output_buffer_size().ok_or("the picture is too large")?;
    let mut pixels = vec![0; size];
    let info = reader.next_frame(&mut pixels).map_err(|error| error.to_string())?;
    if info.color_type != png::ColorType::Rgba || info.bit_depth != png::BitDepth::Eight {
        return Err("the picture is not in 8-bit colours with transparency".into());
    }
    if cfg!(not(target_os = "macos")) {
        pixels = outlined(&pixels, info.width as usize);
    }
    Ok((pixels, info.width, info.height))
}

/// White where the shape is, dark one pixel around it.
fn outlined(pixels: &[u8], width: usize) -> Vec<u8> {
    let opacity: Vec<u8> = pixels.chunks_exact(4).map(|pixel| pixel.get(3).copied().unwrap_or(0)).collect();
    let at = |column: Option<usize>, row: Option<usize>| match (column, row) {
        (Some(column), Some(row)) if column < width => opacity.get(row * width + column).copied().unwrap_or(0),
        _ => 0,
    };
    let around = |place: usize| {
        let (column, row) = (place % width, place / width);
        let columns = [column.checked_sub(1), Some(column), Some(column + 1)];
        let rows = [row.checked_sub(1), Some(row), Some(row + 1)];
        rows.into_iter().flat_map(|row| columns.map(|column| at(column, row))).max().unwrap_or(0)
    };
    let mut drawn = Vec::with_capacity(pixels.len());
    for (place, own) in opacity.iter().enumerate() {
        // The shape itself covers what is dark below it.
        drawn.extend([*own, *own, *own, (*own).max(around(place) / 2)]);
    }
    drawn
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn every_icon_is_a_picture_of_its_own() {
        let all = [Icon::Fine, Icon::Alerts, Icon::Down, Icon::Paused, Icon::Quiet, Icon::DryRun];
        let drawn: std::collections::BTreeSet<Vec<u8>> = all.into_iter().map(|icon| pixels(icon).unwrap().0).collect();
        assert_eq!(drawn.len(), all.len());
        assert!(all.into_iter().all(|icon| pixels(icon).unwrap().1 == 36));
    }

    #[test]
    fn a_dot_gets_an_edge() {
        let mut dot = vec![0; 9 * 4];
        dot[4 * 4 + 3] = 255;
        let drawn = outlined(&dot, 3);
        assert_eq!(drawn[4 * 4..4 * 4 + 4], [255, 255, 255, 255]);
        assert_eq!(drawn[..4], [0, 0, 0, 127]);
    }
}

//! Status icons as RGBA pixels.

use super::icon::Icon;

/// RGBA pixels, width and height. macOS colours the black shape; on Linux the shape is white with a dark edge, visible on light
/// and dark panels.
pub(crate) fn pixels(icon: Icon) -> Result<(Vec<u8>, u32, u32), String> {
    let mut reader =
        png::Decoder::new(std::io::Cursor::new(icon.png())).read_info().map_err(|error| error.to_string())?;
    let size = reader.output_buffer_size().ok_or("the icon is too large")?;
    let mut pixels = vec![0; size];
    let info = reader.next_frame(&mut pixels).map_err(|error| error.to_string())?;
    if info.color_type != png::ColorType::Rgba || info.bit_depth != png::BitDepth::Eight {
        return Err("the icon is not 8-bit RGBA".into());
    }
    if cfg!(not(target_os = "macos")) {
        pixels = outlined(&pixels, info.width as usize);
    }
    Ok((pixels, info.width, info.height))
}

/// A white shape with a dark edge of one pixel.
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
        // The shape covers the dark edge.
        drawn.extend([*own, *own, *own, (*own).max(around(place) / 2)]);
    }
    drawn
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn every_icon_is_unique() {
        let all = [Icon::Fine, Icon::Alerts, Icon::Down, Icon::Paused, Icon::Quiet, Icon::DryRun];
        let drawn: std::collections::BTreeSet<Vec<u8>> = all.into_iter().map(|icon| pixels(icon).unwrap().0).collect();
        assert_eq!(drawn.len(), all.len());
        assert!(all.into_iter().all(|icon| pixels(icon).unwrap().1 == 36));
    }

    #[test]
    fn dot_gets_a_dark_edge() {
        let mut dot = vec![0; 9 * 4];
        dot[4 * 4 + 3] = 255;
        let drawn = outlined(&dot, 3);
        assert_eq!(drawn[4 * 4..4 * 4 + 4], [255, 255, 255, 255]);
        assert_eq!(drawn[..4], [0, 0, 0, 127]);
    }
}

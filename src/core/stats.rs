//! Small statistics over small slices: what is usual for this person.

/// The arithmetic mean; None of nothing.
#[must_use]
pub fn mean(values: &[f64]) -> Option<f64> {
    let count = u32::try_from(values.len()).ok().filter(|count| *count > 0)?;
    Some(values.iter().sum::<f64>() / f64::from(count))
}

/// The middle value, or the mean of the two in the middle; None of nothing.
#[must_use]
pub fn median(values: &[f64]) -> Option<f64> {
    quantile(values, 0.5)
}

/// The value under which the share `q` (0–1, clamped) of the values lies; None of nothing.
///
/// Linear interpolation between the two nearest order statistics at rank `q·(n − 1)`, counted from 0: Hyndman and Fan's
/// type 7, the default of R and NumPy.
#[must_use]
pub fn quantile(values: &[f64], q: f64) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let last = u32::try_from(sorted.len().checked_sub(1)?).ok()?;
    let rank = f64::from(last) * q.clamp(0.0, 1.0);
    // A rank lies between 0 and the last index; a q that is no number becomes index 0.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let index = |rank: f64| sorted.get(rank as usize).copied();
    let (below, above) = (index(rank.floor())?, index(rank.ceil())?);
    Some(below + (above - below) * rank.fract())
}

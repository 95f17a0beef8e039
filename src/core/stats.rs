//! Statistics of a user's recent values.

/// The arithmetic mean; None without values.
pub fn mean(values: &[f64]) -> Option<f64> {
    let count = u32::try_from(values.len()).ok().filter(|count| *count > 0)?;
    Some(values.iter().sum::<f64>() / f64::from(count))
}

/// The quantile `q` (0–1, clamped); None without values.
///
/// Linear interpolation between the two nearest order statistics at rank `q·(n − 1)`, counted from 0: type 7 of Hyndman and Fan
/// (1996), the default of R and NumPy.
pub fn quantile(values: &[f64], q: f64) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let last = u32::try_from(sorted.len().checked_sub(1)?).ok()?;
    let rank = f64::from(last) * q.clamp(0.0, 1.0);
    // The rank lies between 0 and the last index; NaN becomes index 0.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let at = |rank: f64| sorted.get(rank as usize).copied();
    let (below, above) = (at(rank.floor())?, at(rank.ceil())?);
    Some(below + (above - below) * rank.fract())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(&[], None)]
    #[case(&[4.0], Some(4.0))]
    #[case(&[3.0, 1.0, 5.0], Some(3.0))]
    #[case(&[10.0, 1.0, 2.0, 3.0], Some(4.0))]
    fn mean_of_values(#[case] values: &[f64], #[case] expected: Option<f64>) {
        assert_eq!(mean(values), expected);
    }

    #[rstest]
    #[case(0.0, 1.0)]
    #[case(0.25, 1.75)]
    #[case(0.5, 2.5)]
    #[case(0.75, 3.25)]
    #[case(1.0, 4.0)]
    #[case(-1.0, 1.0)]
    #[case(2.0, 4.0)]
    fn quantile_interpolates(#[case] q: f64, #[case] expected: f64) {
        assert_eq!(quantile(&[4.0, 1.0, 3.0, 2.0], q), Some(expected));
        assert_eq!(quantile(&[], q), None);
        assert_eq!(quantile(&[7.0], q), Some(7.0));
    }

    proptest! {
        #[test]
        fn quantile_lies_within_the_values(values in prop::collection::vec(-1e6..1e6f64, 1..40), q in any::<f64>()) {
            let value = quantile(&values, q).unwrap();
            let min = values.iter().copied().fold(f64::INFINITY, f64::min);
            let max = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            prop_assert!(q.is_nan() || (min <= value && value <= max));
        }
    }
}

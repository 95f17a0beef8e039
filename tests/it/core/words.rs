//! Words and numbers that alerts are made of.

use jiff::{SignedDuration, Timestamp};
use operator::core::stats::{mean, median, quantile};
use operator::core::text::{ago, clip, hours, number, slug, span};
use proptest::prelude::*;
use rstest::rstest;

#[rstest]
#[case::short("Write report", 60, "Write report")]
#[case::exact("Write report", 12, "Write report")]
#[case::at_a_word("Write report today", 14, "Write report…")]
#[case::a_word_that_just_fits("Write report today", 13, "Write report…")]
#[case::inside_a_word("Write report today", 12, "Write…")]
#[case::one_long_word("Donaudampfschifffahrt", 8, "Donauda…")]
#[case::a_short_word_first("A Donaudampfschifffahrt", 10, "A Donauda…")]
#[case::folded("  Write\n\nthe\treport\u{7} ", 60, "Write the report")]
#[case::characters_not_bytes("Größe für Ärzte", 15, "Größe für Ärzte")]
#[case::nothing("", 60, "")]
#[case::no_room("Write report", 0, "")]
#[case::room_for_one("Write report", 1, "…")]
fn a_text_is_clipped_at_a_word(#[case] text: &str, #[case] max: usize, #[case] expected: &str) {
    assert_eq!(clip(text, max), expected);
}

#[rstest]
#[case(-60, "just now")]
#[case(0, "just now")]
#[case(59, "just now")]
#[case(60, "1 min ago")]
#[case(35 * 60 + 59, "35 min ago")]
#[case(3599, "59 min ago")]
#[case(3600, "1 h ago")]
#[case(2 * 3600 + 3599, "2 h ago")]
#[case(24 * 3600 - 1, "23 h ago")]
#[case(24 * 3600, "1 day ago")]
#[case(48 * 3600 - 1, "1 day ago")]
#[case(3 * 24 * 3600, "3 days ago")]
fn an_age_is_told_in_its_largest_unit(#[case] seconds: i64, #[case] expected: &str) {
    let now = Timestamp::from_second(1_800_000_000).unwrap();
    assert_eq!(ago(now, now - SignedDuration::from_secs(seconds)), expected);
}

#[rstest]
#[case(-5, "0 s")]
#[case(45, "45 s")]
#[case(60, "1 min")]
#[case(7200, "2 h")]
fn a_span_is_told_in_its_largest_unit(#[case] seconds: i64, #[case] expected: &str) {
    assert_eq!(span(SignedDuration::from_secs(seconds)), expected);
}

#[rstest]
#[case(0, "0 h 00")]
#[case(20_400, "5 h 40")]
#[case(21_599, "5 h 59")]
#[case(21_600, "6 h 00")]
#[case(18_300, "5 h 05")]
fn hours_are_rounded_down_to_minutes(#[case] seconds: u32, #[case] expected: &str) {
    assert_eq!(hours(seconds), expected);
}

#[rstest]
#[case(48.0, "48")]
#[case(13.5, "13.5")]
#[case(33.333, "33.3")]
#[case(0.0, "0")]
fn a_number_has_at_most_one_decimal(#[case] value: f64, #[case] expected: &str) {
    assert_eq!(number(value), expected);
}

#[rstest]
#[case("Write report!", "write_report")]
#[case("  --Call   Mum & Dad?? ", "call_mum_dad")]
#[case("ÄRZTE für 2026", "ärzte_für_2026")]
#[case("報告を書く!", "報告を書く")]
#[case("!!!", "")]
#[case("", "")]
#[case(&"a".repeat(80), &"a".repeat(60))]
#[case(&format!("{} b", "a".repeat(59)), &"a".repeat(59))]
fn a_slug_keeps_letters_and_digits(#[case] title: &str, #[case] expected: &str) {
    assert_eq!(slug(title), expected);
}

#[rstest]
#[case(&[], None, None)]
#[case(&[4.0], Some(4.0), Some(4.0))]
#[case(&[3.0, 1.0, 5.0], Some(3.0), Some(3.0))]
#[case(&[10.0, 1.0, 2.0, 3.0], Some(4.0), Some(2.5))]
fn mean_and_median(#[case] values: &[f64], #[case] expected_mean: Option<f64>, #[case] expected_median: Option<f64>) {
    assert_eq!(mean(values), expected_mean);
    assert_eq!(median(values), expected_median);
}

#[rstest]
#[case(0.0, 1.0)]
#[case(0.25, 1.75)]
#[case(0.5, 2.5)]
#[case(0.75, 3.25)]
#[case(1.0, 4.0)]
#[case(-1.0, 1.0)]
#[case(2.0, 4.0)]
fn quantiles_interpolate(#[case] q: f64, #[case] expected: f64) {
    assert_eq!(quantile(&[4.0, 1.0, 3.0, 2.0], q), Some(expected));
}

proptest! {
    #[test]
    fn a_clipped_text_is_one_line_that_fits(text in any::<String>(), max in 0usize..80) {
        let clipped = clip(&text, max);
        prop_assert!(clipped.chars().count() <= max);
        prop_assert!(!clipped.chars().any(char::is_control));
        prop_assert_eq!(clip(&clipped, max), clipped);
    }

    #[test]
    fn a_slug_is_its_own_slug(text in any::<String>()) {
        let once = slug(&text);
        prop_assert!(once.chars().count() <= 60);
        prop_assert!(!once.starts_with('_') && !once.ends_with('_') && !once.contains("__"));
        prop_assert_eq!(slug(&once), once);
    }

    #[test]
    fn a_quantile_lies_within(values in prop::collection::vec(-1e6..1e6f64, 1..40), q in any::<f64>()) {
        let value = quantile(&values, q).unwrap();
        let least = values.iter().copied().fold(f64::INFINITY, f64::min);
        let most = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        prop_assert!(q.is_nan() || (least <= value && value <= most));
    }
}

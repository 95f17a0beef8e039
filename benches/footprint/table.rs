//! The table: what, measured, aim, and the one divided by the other.

/// One line of the table.
pub(crate) struct Row {
    what: String,
    measured: f64,
    unit: &'static str,
    aim: Option<f64>,
}

impl Row {
    pub(crate) fn new(what: &str, measured: f64, unit: &'static str, aim: Option<f64>) -> Self {
        Self { what: what.into(), measured, unit, aim }
    }
}

/// A table that can be pasted into the docs as it is.
pub(crate) fn print(rows: &[Row]) {
    println!("| {:<68} | {:>12} | {:>9} | {:>8} |", "what", "measured", "aim", "measured/aim");
    println!("|{:-<70}|{:->14}|{:->11}|{:->14}|", "", ":", ":", ":");
    for Row { what, measured, unit, aim } in rows {
        let aimed = aim.map_or_else(|| "–".into(), |aim| format!("≤{aim} {unit}"));
        let ratio = aim.map_or_else(|| "–".into(), |aim| format!("{:.2}", measured / aim));
        println!("| {what:<68} | {:>12} | {aimed:>9} | {ratio:>12} |", format!("{measured:.1} {unit}"));
    }
}

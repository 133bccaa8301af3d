//! The table: a line for each figure, a column for each server, ours as a part of dnsmasq's.

/// One line.
pub struct Line {
    pub label: &'static str,
    pub unit: &'static str,
    /// Digits after the point.
    pub digits: usize,
    /// What our part of dnsmasq's figure should be.
    pub target: &'static str,
    /// One figure for each server, in the order of the columns.
    pub figures: Vec<Option<f64>>,
}

/// Prints all lines; the first column is ours, the second dnsmasq's.
pub fn print(columns: &[&str], lines: &[Line]) {
    print!("{:<46}", "");
    columns.iter().for_each(|column| print!("{column:>11}"));
    println!("{:>16}   target", "usbnet/dnsmasq");
    for line in lines {
        print!("{:<46}", format!("{}, {}", line.label, line.unit));
        for figure in &line.figures {
            match figure {
                Some(figure) => print!("{:>11.*}", line.digits, figure),
                None => print!("{:>11}", "-"),
            }
        }
        let ratio = match line.figures[..] {
            [Some(ours), Some(theirs), ..] if theirs > 0.0 => format!("{:.2}", ours / theirs),
            _ => "-".to_owned(),
        };
        println!("{ratio:>16}   {}", line.target);
    }
}

/// The middle one of some figures.
pub fn median(mut figures: Vec<f64>) -> Option<f64> {
    figures.sort_unstable_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied()
}

//! Text in a comment or a sentence: one line, and nothing that reorders or hides what follows.

/// The text in one line. Control characters, line separators and the characters that change the direction of
/// writing become spaces; runs of spaces become one.
pub(crate) fn line(text: &str) -> String {
    let plain: String = text.chars().map(|c| if is_harmless(c) { c } else { ' ' }).collect();
    let words: Vec<_> = plain.split_whitespace().collect();
    words.join(" ")
}

/// Whether a character stands for itself in a line: letters of every script do, with the joiners that some need between
/// them; of what Unicode calls format characters (UAX #44, `Cf`, and the two separators `Zl` and `Zp`), none that has an
/// effect of its own.
#[must_use]
pub fn is_harmless(c: char) -> bool {
    let formats = matches!(
        c,
        '\u{ad}'
            | '\u{61c}'
            | '\u{180e}'
            | '\u{200b}'
            | '\u{200e}'
            | '\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e007f}'
    );
    !formats && !c.is_control()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::quote::hostile;

    #[test]
    fn one_line() {
        assert_eq!(line("a\nb\r\n  c\u{85}d\u{202e}e"), "a b c d e");
        assert_eq!(line("\n"), "");
    }

    proptest! {
        #[test]
        fn stays_one_line(text in hostile::text()) {
            prop_assert!(line(&text).chars().all(is_harmless));
        }
    }
}

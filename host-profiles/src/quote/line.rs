//! Text in a comment or a sentence: one line, and nothing that reorders or hides what follows.

/// The text in one line. Control characters, line separators and the characters that change the direction of
/// writing become spaces; runs of spaces become one.
pub(crate) fn line(text: &str) -> String {
    let plain: String = text.chars().map(|c| if is_harmless(c) { c } else { ' ' }).collect();
    let words: Vec<_> = plain.split_whitespace().collect();
    words.join(" ")
}

/// Whether a character stands for itself in a line: it neither controls a terminal, nor ends the line, nor turns the
/// direction of writing.
#[must_use]
pub fn is_harmless(c: char) -> bool {
    !c.is_control()
        && !matches!(c, '\u{2028}' | '\u{2029}' | '\u{200e}' | '\u{200f}' | '\u{61c}' | '\u{feff}')
        && !('\u{202a}'..='\u{202e}').contains(&c)
        && !('\u{2066}'..='\u{2069}').contains(&c)
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

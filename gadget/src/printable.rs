//! Text that others chose, fit for a line on a terminal, in a log or in an event.

use usbnet_host_profiles::is_harmless;

/// The text without what could move the cursor, begin a new line, or reorder or hide what stands beside it.
#[must_use]
pub fn printable(text: &str) -> String {
    text.chars().map(|letter| if is_harmless(letter) && !is_hidden(letter) { letter } else { '?' }).collect()
}

/// Of what Unicode calls format characters (UAX #44, `Cf`), those that are not seen, but for the joiners that some scripts
/// need between letters.
const fn is_hidden(letter: char) -> bool {
    matches!(
        letter,
        '\u{ad}'
            | '\u{180e}'
            | '\u{200b}'
            | '\u{2060}'..='\u{206f}'
            | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e007f}'
    )
}

/// A text of several lines as one, for an event: whoever watches gets one in a line.
#[must_use]
pub fn one_line(text: &str) -> String {
    text.lines().map(str::trim).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_lines_become_one() {
        let table = [
            ("one", "no UDC", "no UDC"),
            (
                "a list",
                "card /a is busy:\n  vi (pid 1): /a/x;\n  cp (pid 2): /a/y",
                "card /a is busy: vi (pid 1): /a/x; cp (pid 2): /a/y",
            ),
            ("nothing", "", ""),
        ];
        for (name, text, expected) in table {
            assert_eq!(one_line(text), expected, "{name}");
        }
    }

    #[test]
    fn nothing_forges_another_line() {
        let table = [
            ("letters of every script", "Bücher 音楽 🎵", "Bücher 音楽 🎵"),
            ("a joiner", "می\u{200c}خواهم", "می\u{200c}خواهم"),
            ("a new row", "A\nmode       host", "A?mode       host"),
            ("back to its beginning", "A\rB\tC", "A?B?C"),
            ("an escape sequence", "\u{1b}[2JA\u{7}\u{7f}", "?[2JA??"),
            ("one of eight bits", "\u{9b}2JA", "?2JA"),
            ("another order", "\u{202e}cba\u{2066}", "?cba?"),
            ("something hidden", "a\u{feff}b\u{200b}c\u{e0041}", "a?b?c?"),
            ("a line of Unicode's", "a\u{2028}b\u{2029}c\u{85}d", "a?b?c?d"),
            ("nothing", "", ""),
        ];
        for (name, text, expected) in table {
            assert_eq!(printable(text), expected, "{name}");
        }
    }
}

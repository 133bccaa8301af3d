//! A value in a key file as GLib reads it (Desktop Entry Specification, "Possible value types"): NetworkManager's and
//! ConnMan's configuration.

use super::line::is_harmless;

/// The text as a value. Tabs and ends of line have escapes; other control characters are left out.
pub(crate) fn keyfile(text: &str) -> String {
    let kept: Vec<_> = text.chars().filter(|c| "\n\r\t".contains(*c) || is_harmless(*c)).collect();
    let last = kept.len().saturating_sub(1);
    let mut value = String::new();
    for (at, c) in kept.into_iter().enumerate() {
        match c {
            '\\' => value.push_str(r"\\"),
            '\n' => value.push_str(r"\n"),
            '\r' => value.push_str(r"\r"),
            '\t' => value.push_str(r"\t"),
            // Spaces at the ends are cut off where a line is read.
            ' ' if at == 0 || at == last => value.push_str(r"\s"),
            c => value.push(c),
        }
    }
    value
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::quote::hostile;

    fn unquote(value: &str) -> String {
        let mut chars = value.chars();
        let mut text = String::new();
        while let Some(c) = chars.next() {
            text.push(match c {
                '\\' => match chars.next().unwrap() {
                    's' => ' ',
                    'n' => '\n',
                    'r' => '\r',
                    't' => '\t',
                    '\\' => '\\',
                    c => panic!("unknown escape {c:?} in {value:?}"),
                },
                c => c,
            });
        }
        text
    }

    fn kept(text: &str) -> String {
        text.chars().filter(|c| "\n\r\t".contains(*c) || is_harmless(*c)).collect()
    }

    #[test]
    fn escapes() {
        assert_eq!(keyfile(" a=b\\\n[x] "), r"\sa=b\\\n[x]\s");
        for text in hostile::TABLE {
            assert_eq!(unquote(&keyfile(text)), kept(text));
        }
    }

    proptest! {
        #[test]
        fn reads_back(text in hostile::text()) {
            let value = keyfile(&text);
            prop_assert_eq!(unquote(&value), kept(&text));
            prop_assert!(value.chars().all(is_harmless) && !value.starts_with(' '));
        }
    }
}

//! Text in a sentence of Markdown (CommonMark, 2.4: every ASCII punctuation character may be escaped).

use super::line::line;

/// The text in one line, with every character that could be markup escaped.
pub(crate) fn markdown(text: &str) -> String {
    let mut quoted = String::new();
    for c in line(text).chars() {
        if "\\`*_{}[]()<>#+-!|&~$".contains(c) {
            quoted.push('\\');
        }
        quoted.push(c);
    }
    quoted
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::quote::hostile;

    #[test]
    fn escaped() {
        assert_eq!(markdown("<b>*N800*\n# x"), r"\<b\>\*N800\* \# x");
    }

    proptest! {
        #[test]
        fn reads_back(text in hostile::text()) {
            let mut chars = markdown(&text).chars().collect::<Vec<_>>().into_iter();
            let mut read = String::new();
            while let Some(c) = chars.next() {
                prop_assert!(!matches!(c, '<' | '`' | '*' | '['));
                read.push(if c == '\\' { chars.next().unwrap() } else { c });
            }
            prop_assert_eq!(read, line(&text));
        }
    }
}

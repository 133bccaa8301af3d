//! A string of an INF file's `[Strings]` section ("General Syntax Rules for INF Files", Windows driver documentation).

use super::line::line;

/// The text in double quotes: a quote is doubled, and so is the percent sign, which begins a string's name. An INF has
/// no way to say an end of line.
pub(crate) fn inf(text: &str) -> String {
    format!("\"{}\"", line(text).replace('"', "\"\"").replace('%', "%%"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::quote::hostile;

    #[test]
    fn doubled() {
        assert_eq!(inf("50% \"off\"\nnow ;"), "\"50%% \"\"off\"\" now ;\"");
    }

    proptest! {
        #[test]
        fn reads_back(text in hostile::text()) {
            let quoted = inf(&text);
            let inner = quoted.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap();
            prop_assert!(!inner.replace("\"\"", "").contains('"') && !inner.replace("%%", "").contains('%'));
            prop_assert_eq!(inner.replace("\"\"", "\"").replace("%%", "%"), line(&text));
        }
    }
}

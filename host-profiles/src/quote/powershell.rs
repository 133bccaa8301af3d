//! One string of PowerShell (about_Quoting_Rules).

/// The text in single quotes, where nothing is expanded. PowerShell takes four typographic quotes for `'` too, so each
/// is doubled like it. NUL is left out.
pub(crate) fn powershell(text: &str) -> String {
    let mut quoted = String::from("'");
    for c in text.chars().filter(|c| *c != '\0') {
        if is_quote(c) {
            quoted.push(c);
        }
        quoted.push(c);
    }
    quoted.push('\'');
    quoted
}

fn is_quote(c: char) -> bool {
    matches!(c, '\'' | '\u{2018}'..='\u{201b}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::quote::hostile;

    /// What PowerShell's tokenizer makes of the beginning of a script: the string, and the rest.
    fn read(script: &str) -> (String, String) {
        let mut chars = script.chars().peekable();
        assert!(chars.next().is_some_and(is_quote));
        let mut text = String::new();
        while let Some(mut c) = chars.next() {
            if is_quote(c) {
                match chars.next_if(|next| is_quote(*next)) {
                    Some(next) => c = next,
                    None => return (text, chars.collect()),
                }
            }
            text.push(c);
        }
        panic!("no end: {script:?}");
    }

    #[test]
    fn typographic_quotes_too() {
        assert_eq!(powershell("it's \u{2019}$x"), "'it''s \u{2019}\u{2019}$x'");
    }

    proptest! {
        #[test]
        fn reads_back(text in hostile::text()) {
            let script = powershell(&text) + ";";
            prop_assert_eq!(read(&script), (text.replace('\0', ""), ";".to_owned()));
        }
    }
}

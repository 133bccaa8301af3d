//! Text in an XML element or attribute (XML 1.0, sections 2.2 and 2.4).

use super::line::is_harmless;

/// The text with the five characters of the markup as entities. Ends of line and tabs become references, which no
/// reader normalises away; what XML cannot hold is left out.
pub(crate) fn xml(text: &str) -> String {
    let mut quoted = String::new();
    for c in text.chars() {
        match c {
            '&' => quoted.push_str("&amp;"),
            '<' => quoted.push_str("&lt;"),
            '>' => quoted.push_str("&gt;"),
            '"' => quoted.push_str("&quot;"),
            '\'' => quoted.push_str("&#39;"),
            '\n' => quoted.push_str("&#10;"),
            '\r' => quoted.push_str("&#13;"),
            '\t' => quoted.push_str("&#9;"),
            '\u{fffe}' | '\u{ffff}' => {}
            c if is_harmless(c) => quoted.push(c),
            _ => {}
        }
    }
    quoted
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::quote::hostile;

    #[test]
    fn entities() {
        assert_eq!(xml("<a b='c'>&\"\n\0"), "&lt;a b=&#39;c&#39;&gt;&amp;&quot;&#10;");
        assert_eq!(xml("]]>-->"), "]]&gt;--&gt;");
    }

    proptest! {
        #[test]
        fn reads_back(text in hostile::text()) {
            let quoted = xml(&text);
            prop_assert!(!quoted.contains(['<', '>', '"', '\'', '\n']));
            let entities =
                [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#39;", "'"), ("&#10;", "\n"), ("&#13;", "\r"),
                 ("&#9;", "\t"), ("&amp;", "&")];
            let read = entities.iter().fold(quoted, |text, (entity, c)| text.replace(entity, c));
            let kept: String = text
                .chars()
                .filter(|c| "\n\r\t".contains(*c) || (is_harmless(*c) && !matches!(c, '\u{fffe}' | '\u{ffff}')))
                .collect();
            prop_assert_eq!(read, kept);
        }
    }
}

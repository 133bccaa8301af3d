//! What keeps a text from being more than a text: one rule for each format.
//!
//! Every rule is total: what a format cannot say is left out or becomes a space, never syntax.

pub(crate) mod inf;
pub(crate) mod keyfile;
pub(crate) mod line;
pub(crate) mod markdown;
pub(crate) mod powershell;
pub(crate) mod shell;
pub(crate) mod xml;

#[cfg(test)]
pub(crate) mod hostile {
    //! Texts that mean something to some format.

    use proptest::prelude::*;

    /// A few that once went wrong somewhere.
    pub(crate) const TABLE: [&str; 16] = [
        "Nokia N800",
        "",
        " ",
        "it's \"it\"",
        "$(reboot) `reboot` $HOME ${IFS} %PATH% %s %%",
        "a\nb\r\nc\td",
        "]]>--><x a='1'>&amp;<![CDATA[",
        "[section]\nkey=value",
        "# ; // /* rem \\",
        "'; reboot; '",
        "EOF\n",
        "ends with \\",
        "Ünïcödé 日本 \u{1F980}",
        "\u{2018}typographic\u{2019} \u{201b}",
        "\u{202e}right to left\u{2028}\u{85}next",
        "\u{0}\u{1}\u{1b}[31m\u{7f}\u{feff}",
    ];

    /// Any text, with characters that are syntax somewhere more often than chance would have them.
    pub(crate) fn text() -> impl Strategy<Value = String> {
        let piece = prop_oneof![
            4 => "[\\PC]{0,6}",
            2 => any::<char>().prop_map(String::from),
            4 => proptest::sample::select(vec![
                "'", "\"", "`", "$", "%", "\\", "\n", "\r", "\t", " ", "#", ";", "&", "<", ">", "[", "]", "{", "}",
                "=", "|", "*", "-->", "$(", "\u{2018}", "\u{2019}", "\u{2028}", "\u{85}", "\0",
            ]).prop_map(String::from),
        ];
        proptest::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat())
    }
}

//! Long text for menus, which wrap nothing: what does not fit on the screen is cut off.

/// In characters: some less than the N800's screen has room for.
const WIDTH: usize = 72;

/// The words of a text, in lines that are not longer than has to be.
#[must_use]
pub fn fold(text: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut().filter(|line| line.chars().count() + word.chars().count() < WIDTH) {
            Some(line) => {
                line.push(' ');
                line.push_str(word);
            }
            None => lines.push(word.to_owned()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_broken_between_words() {
        let (half, whole) = ("ä".repeat(WIDTH / 2), "b".repeat(WIDTH));
        let almost = &half[2..];
        let table = [
            ("short", "network: connected".to_owned(), vec!["network: connected".to_owned()]),
            ("just fits", format!("{half} {almost}"), vec![format!("{half} {almost}")]),
            ("just does not", format!("{half} {half} c"), vec![half.clone(), format!("{half} c")]),
            (
                "a long word",
                format!("a {whole}{whole} c"),
                vec!["a".into(), format!("{whole}{whole}"), "c".into()],
            ),
            ("nothing", String::new(), vec![]),
        ];
        for (name, text, expected) in table {
            assert_eq!(fold(&text), expected, "{name}");
        }
    }
}

//! One word of a POSIX shell (POSIX.1-2024, Shell Command Language, 2.2.2), and of the files that shells source.

/// The text as one word in single quotes. NUL, which no argument can hold, is left out.
pub(crate) fn shell(text: &str) -> String {
    format!("'{}'", text.replace('\0', "").replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;
    use crate::quote::hostile;

    /// A shell says the same text, and nothing else happens.
    #[test]
    fn a_shell_reads_it_back() {
        let mut texts: Vec<String> = hostile::TABLE.iter().map(ToString::to_string).collect();
        let mut runner = proptest::test_runner::TestRunner::deterministic();
        for _ in 0..200 {
            use proptest::strategy::{Strategy, ValueTree};
            texts.push(hostile::text().new_tree(&mut runner).unwrap().current());
        }
        let script: String = texts.iter().map(|text| format!("printf '%s\\0' {}\n", shell(text))).collect();
        let said = Command::new("sh").arg("-c").arg(script).output().unwrap();
        assert!(said.status.success() && said.stderr.is_empty(), "{said:?}");
        let expected: String = texts.iter().map(|text| text.replace('\0', "") + "\0").collect();
        assert_eq!(String::from_utf8(said.stdout).unwrap(), expected);
    }
}

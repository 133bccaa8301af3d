//! What the applet says, in the user's language: one file per language in `lang/`, compiled in.
//!
//! What the daemon says (why a mode cannot be chosen, errors, progress) is passed on in its own words.

use std::collections::HashMap;

const ENGLISH: &str = include_str!("../lang/en.txt");
const LANGUAGES: [(&str, &str); 3] =
    [("en", ENGLISH), ("de", include_str!("../lang/de.txt")), ("fi", include_str!("../lang/fi.txt"))];

macro_rules! texts {
    ($($name:ident)*) => {
        /// A text, named as in the files.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Text { $(
            #[doc = stringify!($name)]
            $name
        ),* }

        impl Text {
            #[cfg(test)]
            const ALL: &[Self] = &[$(Self::$name),*];

            const fn key(self) -> &'static str {
                match self { $(Self::$name => stringify!($name)),* }
            }
        }
    };
}

texts! {
    NotRunning NoMode Now Connected Waiting Unplugged Switching Stopping Lost Unavailable Link Lease Somebody Traffic
    CancelSwitch Wait Cancel Force CardBusy HostBusy Waits ForceEnds ForceTakes FailedTo NotCancelled OnlyRoot OnlyGroup OtherSwitch
    Quit
}

/// The texts of one language.
#[derive(Debug, Clone)]
pub struct Words(HashMap<&'static str, &'static str>);

impl Words {
    /// Those that the environment asks for.
    #[must_use]
    pub fn from_environment() -> Self {
        let names = ["LC_ALL", "LC_MESSAGES", "LANG"];
        let locale = names.iter().filter_map(|name| std::env::var(name).ok()).find(|value| !value.is_empty());
        Self::of(locale.as_deref().unwrap_or_default())
    }

    /// Those of a locale such as `fi_FI.UTF-8`; English for one that there is no file for.
    #[must_use]
    pub fn of(locale: &str) -> Self {
        let language = locale.split(['_', '.', '@']).next().unwrap_or_default();
        let file = LANGUAGES.iter().find(|(name, _)| *name == language).map_or(ENGLISH, |(_, file)| file);
        Self(pairs(file).collect())
    }

    /// A text without placeholders.
    #[must_use]
    pub fn say(&self, text: Text) -> String {
        self.fill(text, &[])
    }

    /// A text with its placeholders filled.
    #[must_use]
    pub fn fill(&self, text: Text, values: &[(&str, &str)]) -> String {
        let mut parts = self.0.get(text.key()).copied().unwrap_or(text.key()).split('{');
        let mut filled = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let (name, rest) = part.split_once('}').unwrap_or((part, ""));
            filled += values.iter().find(|(known, _)| *known == name).map_or("", |(_, value)| value);
            filled += rest;
        }
        filled
    }
}

fn pairs(file: &'static str) -> impl Iterator<Item = (&'static str, &'static str)> {
    file.lines().filter_map(|line| line.split_once(" = "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn placeholders(text: &str) -> Vec<&str> {
        let mut names: Vec<&str> =
            text.split('{').skip(1).filter_map(|part| Some(part.split_once('}')?.0)).collect();
        names.sort_unstable();
        names
    }

    #[test]
    fn all_languages_have_the_same_texts_and_placeholders() {
        let english: HashMap<_, _> = pairs(ENGLISH).collect();
        let keys: Vec<&str> = Text::ALL.iter().map(|text| text.key()).collect();
        for (language, file) in LANGUAGES {
            assert_eq!(pairs(file).map(|(key, _)| key).collect::<Vec<_>>(), keys, "{language}");
            assert_eq!(file.lines().count(), keys.len(), "{language}: every line is a text");
            for (key, text) in pairs(file) {
                assert_eq!(placeholders(text), placeholders(english[key]), "{language}: {key}");
            }
        }
    }

    #[test]
    fn a_locale_has_its_language() {
        let table = [
            ("fi_FI.UTF-8", "Odota"),
            ("de", "Warten"),
            ("de_AT@euro", "Warten"),
            ("C.UTF-8", "Wait"),
            ("", "Wait"),
            ("tlh_QO", "Wait"),
        ];
        for (locale, wait) in table {
            assert_eq!(Words::of(locale).say(Text::Wait), wait, "{locale}");
        }
    }

    #[test]
    fn values_are_filled_in_once() {
        let filled = Words::of("en").fill(Text::Now, &[("mode", "{state}"), ("state", "up")]);
        assert_eq!(filled, "{state}: up");
    }
}

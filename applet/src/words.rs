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
    /// Those that the environment asks for, as gettext does it: in a locale that has a language, the list in `LANGUAGE`
    /// comes first.
    #[must_use]
    pub fn of_environment(variable: impl Fn(&str) -> Option<String>) -> Self {
        let value = |name| variable(name).filter(|value| !value.is_empty());
        let locale = ["LC_ALL", "LC_MESSAGES", "LANG"].into_iter().find_map(value).unwrap_or_default();
        let list = value("LANGUAGE").filter(|_| !matches!(language(&locale), "" | "C" | "POSIX"));
        let list = list.unwrap_or_default();
        Self::of_file(list.split(':').find_map(file).or_else(|| file(&locale)))
    }

    /// Those of a locale such as `fi_FI.UTF-8`; English for one that there is no file for.
    #[cfg(test)]
    pub fn of(locale: &str) -> Self {
        Self::of_file(file(locale))
    }

    fn of_file(file: Option<&'static str>) -> Self {
        Self(pairs(file.unwrap_or(ENGLISH)).collect())
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

fn language(locale: &str) -> &str {
    locale.split(['_', '.', '@']).next().unwrap_or_default()
}

fn file(locale: &str) -> Option<&'static str> {
    LANGUAGES.iter().find(|(name, _)| *name == language(locale)).map(|(_, file)| *file)
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
    fn the_environment_says_which_language() {
        let table: [(&[(&str, &str)], &str); 15] = [
            (&[], "Wait"),
            (&[("LANG", "fi_FI.UTF-8")], "Odota"),
            (&[("LANG", "de")], "Warten"),
            (&[("LANG", "de_AT@euro")], "Warten"),
            (&[("LANG", "C.UTF-8")], "Wait"),
            (&[("LANG", "tlh_QO")], "Wait"),
            (&[("LANG", "fi_FI"), ("LC_MESSAGES", "de_DE")], "Warten"),
            (&[("LANG", "fi_FI"), ("LC_MESSAGES", "de_DE"), ("LC_ALL", "en_GB")], "Wait"),
            (&[("LANG", "fi_FI"), ("LC_MESSAGES", ""), ("LC_ALL", "")], "Odota"),
            (&[("LANG", "en_US.UTF-8"), ("LANGUAGE", "fi")], "Odota"),
            (&[("LC_ALL", "sv_SE.UTF-8"), ("LANGUAGE", "sv:de_AT:fi")], "Warten"),
            (&[("LANG", "fi_FI.UTF-8"), ("LANGUAGE", "sv")], "Odota"),
            (&[("LANG", "fi_FI.UTF-8"), ("LANGUAGE", "")], "Odota"),
            (&[("LANG", "C.UTF-8"), ("LANGUAGE", "fi")], "Wait"),
            (&[("LANGUAGE", "fi")], "Wait"),
        ];
        for (environment, wait) in table {
            let variable = |name: &str| {
                environment.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
            };
            assert_eq!(Words::of_environment(variable).say(Text::Wait), wait, "{environment:?}");
        }
    }

    #[test]
    fn values_are_filled_in_once() {
        let filled = Words::of("en").fill(Text::Now, &[("mode", "{state}"), ("state", "up")]);
        assert_eq!(filled, "{state}: up");
    }
}

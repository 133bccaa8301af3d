//! What the computer at the other end needs for the link, as clients get it.

use serde::{Deserialize, Serialize};
use usbnet_host_profiles::{self as profiles, Encoding, LinkFacts, ProfileError, Shape};

use super::Refusal;
use crate::exit::Exit;

/// Results of `Profile`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostProfile {
    /// The mode whose link it is for.
    pub mode: String,
    /// The host's name.
    pub host: String,
    /// What the link is for.
    pub shape: String,
    /// The files, in the order in which they are shown.
    pub files: Vec<HostFile>,
    /// What to do with them, in Markdown.
    pub readme: String,
}

/// One file as it has to be on the host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostFile {
    /// Where it goes.
    pub path: String,
    /// Its permissions.
    pub mode: u32,
    /// `root` or `user`.
    pub owner: String,
    /// How its text is stored.
    pub encoding: String,
    /// Its content, with `\n` at the end of every line.
    pub text: String,
    /// What it is, in one sentence.
    pub note: String,
}

impl HostProfile {
    /// The profile of one host for the link of that mode; without a shape, the first that the host has.
    ///
    /// # Errors
    /// [`Refusal::UnknownHost`], or [`Refusal::NoProfile`] if that host has none for this.
    pub fn new(mode: &str, facts: &LinkFacts, host: &str, shape: Option<Shape>) -> Result<Self, Refusal> {
        let host = profiles::find(host)?;
        let shape = shape.or_else(|| host.shapes().next()).unwrap_or(Shape::Link);
        let profile = host.profile(facts, shape)?;
        Ok(Self {
            mode: mode.to_owned(),
            host: host.name.to_owned(),
            shape: shape.to_string(),
            readme: profile.readme()?,
            files: profile.files.into_iter().map(HostFile::from).collect(),
        })
    }
}

impl From<profiles::File> for HostFile {
    fn from(file: profiles::File) -> Self {
        let encoding = match file.encoding {
            Encoding::Unix => "unix",
            Encoding::DosAscii => "dos_ascii",
            Encoding::DosUtf8 => "dos_utf8",
            Encoding::DosUtf16 => "dos_utf16",
        };
        Self {
            path: file.path.to_owned(),
            mode: file.mode,
            owner: file.owner.to_owned(),
            encoding: encoding.to_owned(),
            text: file.text,
            note: file.note.to_owned(),
        }
    }
}

impl From<ProfileError> for Refusal {
    fn from(error: ProfileError) -> Self {
        let host = match error {
            // Its words are not asked for: what they guess at takes the longer the more was asked for.
            ProfileError::NoHost { name } => {
                let hosts = profiles::ALL.iter().map(|host| host.name.to_owned()).collect();
                return Self::UnknownHost { name, hosts };
            }
            ProfileError::Cannot { host, .. } | ProfileError::NoMac { host } => host.to_owned(),
            ProfileError::Template { .. } => {
                return Self::Failed { exit: Exit::Failed, message: error.to_string() };
            }
        };
        Self::NoProfile { host, why: error.to_string() }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::MAX_PENDING;
    use super::*;
    use crate::config::{Config, FunctionKind};
    use crate::identity::Identity;
    use crate::profile::{configured, link_facts};

    /// The facts of a link with this function, named in the longest words that the configuration takes.
    pub(in super::super) fn facts(function: FunctionKind) -> LinkFacts {
        let mut config = Config::default();
        config.modes.get_mut("network").expect("the mode").functions = vec![function];
        // 126 units of UTF-16 each are the most that USB takes, and nothing is longer in JSON.
        (config.gadget.product, config.gadget.manufacturer) = ("\u{1}".repeat(126), "\u{1}".repeat(126));
        config.link.domain = vec!["d".repeat(62); 3].join(".");
        let identity = Ok(Identity::from_seed("a device"));
        link_facts(&config, "network", &identity, &configured(&config), &"n".repeat(63)).expect("facts")
    }

    /// One of them may wait in the daemon for each connection that does not read.
    #[test]
    fn every_profile_is_there_and_none_is_long() {
        let facts = facts(FunctionKind::Rndis);
        for host in profiles::ALL {
            for shape in host.shapes() {
                let profile = HostProfile::new("network", &facts, host.name, Some(shape)).expect("a profile");
                assert_eq!((profile.host.as_str(), profile.shape.as_str()), (host.name, shape.word()));
                assert!(profile.readme.contains("### Undo"), "{} {shape}", host.name);
                let length = serde_json::to_vec(&profile).expect("JSON").len();
                assert!(length < MAX_PENDING, "{} {shape} has {length} bytes", host.name);
            }
            let first = HostProfile::new("network", &facts, host.name, None).expect("a profile");
            assert_eq!(first.shape, host.shapes().next().expect("a shape").word());
        }
    }

    #[test]
    fn refusals_say_what_there_is_instead() {
        let refused = |function, host: &str, shape| {
            HostProfile::new("network", &facts(function), host, shape).expect_err(host)
        };
        let hosts: Vec<String> = profiles::ALL.iter().map(|host| host.name.to_owned()).collect();
        let unknown = Refusal::UnknownHost { name: "plan9".into(), hosts };
        assert_eq!(refused(FunctionKind::Ncm, "plan9", None), unknown);
        // (host, shape, function, words of the reason)
        let cannot = profiles::ALL.iter().find_map(|host| Some((host.name, host.cannot.first()?)));
        let (host, (shape, why)) = cannot.expect("a host without a shape");
        let blind = profiles::ALL.iter().find(|host| host.without_mac == profiles::WithoutMac::Cannot);
        let table = [
            (host, Some(*shape), FunctionKind::Ncm, *why),
            (blind.expect("a host").name, None, FunctionKind::Eem, "use a mode with Ncm, Ecm or Rndis"),
        ];
        for (host, shape, function, words) in table {
            match refused(function, host, shape) {
                Refusal::NoProfile { host: named, why } => {
                    assert!(named == host && why.contains(words), "{why}")
                }
                other => panic!("{host}: {other:?}"),
            }
        }
    }
}

//! A host, and the profile that it makes from facts.

use crate::{Encoding, File, LinkFacts, Shape, hosts, view::View};

/// A kind of host, or a building block of one.
#[derive(Debug, Clone, Copy)]
pub struct Host {
    /// Its name on the command line and in the tree.
    pub name: &'static str,
    /// What it is for: the systems that have it.
    pub title: &'static str,
    /// The shapes that it does not have, each with the reason: a sentence that says what to do instead.
    pub cannot: &'static [(Shape, &'static str)],
    /// How the host finds the link of a function that tells it no hardware address, if it can.
    pub without_mac: WithoutMac,
    pub(crate) make: fn(&View) -> Result<Parts, askama::Error>,
}

/// What a host does about a link without a hardware address of its own ([`crate::Function::tells_mac`]).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WithoutMac {
    /// It finds the link by driver or USB id, or its files name no link.
    Finds,
    /// It knows links by hardware address only.
    Cannot,
}

/// Everything that one host needs for one shape.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    /// The host's name.
    pub host: &'static str,
    /// The host's title.
    pub title: &'static str,
    /// What the link is for.
    pub shape: Shape,
    /// The files, in the order in which they are shown; paths are unique.
    pub files: Vec<File>,
    /// Markdown with the sections `### Set up`, `### Undo`, `### See that it works` and, where there is something to
    /// know, `### Note`.
    pub guide: String,
}

/// Why there is no profile.
#[derive(Debug, thiserror::Error)]
pub enum ProfileError {
    /// No host has this name.
    #[error("no host {name:?}; {}use one of {}", did_you_mean(name), names())]
    NoHost {
        /// What was asked for.
        name: String,
    },
    /// The host has no such shape.
    #[error("{host} has no {shape}: {why}")]
    Cannot {
        /// The host's name.
        host: &'static str,
        /// The shape that was asked for.
        shape: Shape,
        /// Why not, and what to do instead.
        why: &'static str,
    },
    /// The host could not find the link.
    #[error(
        "{host} knows links by hardware address, and this function tells none; use a mode with Ncm, Ecm or Rndis, or one of {}",
        finders()
    )]
    NoMac {
        /// The host's name.
        host: &'static str,
    },
    /// A template could not be written out: a fault of this program.
    #[error("the templates of {host} cannot be written out; please report this")]
    Template {
        /// The host's name.
        host: &'static str,
        /// What askama says.
        source: askama::Error,
    },
}

/// The hosts that find every link.
fn finders() -> String {
    let finds = hosts::ALL.iter().filter(|host| host.without_mac == WithoutMac::Finds);
    finds.map(|host| host.name).collect::<Vec<_>>().join(", ")
}

fn names() -> String {
    let names: Vec<_> = hosts::ALL.iter().map(|host| host.name).collect();
    names.join(", ")
}

/// The hosts that are called nearly so, or are for a system of that name.
fn did_you_mean(asked: &str) -> String {
    let asked = asked.to_lowercase();
    let is_near = |host: &&&Host| {
        let is_for = asked.len() > 2 && host.title.to_lowercase().contains(&asked);
        let is_in = asked.len() > 2 && (host.name.contains(&asked) || asked.contains(host.name));
        is_for || is_in || distance(&asked, host.name) <= 2
    };
    let near: Vec<_> = hosts::ALL.iter().filter(is_near).map(|host| host.name).collect();
    if near.is_empty() { String::new() } else { format!("did you mean {}? Else ", near.join(" or ")) }
}

/// How many letters have to be put in, left out or replaced to make one word of the other.
fn distance(one: &str, other: &str) -> usize {
    let mut row: Vec<usize> = (0..=other.chars().count()).collect();
    for (line, a) in one.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = line + 1;
        for (column, b) in other.chars().enumerate() {
            let replaced = diagonal + usize::from(a != b);
            diagonal = row[column + 1];
            row[column + 1] = replaced.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row.last().copied().unwrap_or_default()
}

/// The host of this name.
///
/// # Errors
/// [`ProfileError::NoHost`], whose message lists the names.
pub fn find(name: &str) -> Result<&'static Host, ProfileError> {
    hosts::ALL
        .iter()
        .copied()
        .find(|host| host.name == name)
        .ok_or_else(|| ProfileError::NoHost { name: name.into() })
}

impl Host {
    /// The shapes that it has, in their order; never empty.
    pub fn shapes(&self) -> impl Iterator<Item = Shape> {
        Shape::ALL.into_iter().filter(|shape| self.refusal(*shape).is_none())
    }

    /// Why it does not have this shape, if it does not.
    #[must_use]
    pub fn refusal(&self, shape: Shape) -> Option<&'static str> {
        self.cannot.iter().find(|(other, _)| *other == shape).map(|(_, why)| *why)
    }

    /// Whether the host can find this link.
    #[must_use]
    pub fn finds(&self, facts: &LinkFacts) -> bool {
        facts.function.tells_mac() || self.without_mac == WithoutMac::Finds
    }

    /// The profile for these facts.
    ///
    /// # Errors
    /// [`ProfileError::Cannot`] for a shape that the host does not have, [`ProfileError::NoMac`] for a link that it
    /// cannot find.
    pub fn profile(&self, facts: &LinkFacts, shape: Shape) -> Result<Profile, ProfileError> {
        if let Some(why) = self.refusal(shape) {
            return Err(ProfileError::Cannot { host: self.name, shape, why });
        }
        if !self.finds(facts) {
            return Err(ProfileError::NoMac { host: self.name });
        }
        let parts = (self.make)(&View::new(facts, shape))
            .map_err(|source| ProfileError::Template { host: self.name, source })?;
        Ok(Profile { host: self.name, title: self.title, shape, files: parts.files, guide: parts.guide })
    }
}

/// What a host's module puts together.
pub(crate) struct Parts {
    files: Vec<File>,
    guide: String,
}

impl Parts {
    /// A profile with this guide and no file yet.
    pub(crate) fn new(guide: impl askama::Template) -> Result<Self, askama::Error> {
        Ok(Self { files: Vec::new(), guide: text(&guide)? })
    }

    /// With a file of root's, 0644.
    pub(crate) fn file(
        self,
        path: &'static str,
        note: &'static str,
        template: impl askama::Template,
    ) -> Result<Self, askama::Error> {
        self.with(path, 0o644, note, template)
    }

    /// With a file that only root may read.
    pub(crate) fn private(
        self,
        path: &'static str,
        note: &'static str,
        template: impl askama::Template,
    ) -> Result<Self, askama::Error> {
        self.with(path, 0o600, note, template)
    }

    /// With a program of root's.
    pub(crate) fn script(
        self,
        path: &'static str,
        note: &'static str,
        template: impl askama::Template,
    ) -> Result<Self, askama::Error> {
        self.with(path, 0o755, note, template)
    }

    /// The last file belongs to the user, who alone may read it.
    pub(crate) fn of_user(mut self) -> Self {
        if let Some(file) = self.files.last_mut() {
            (file.owner, file.mode) = ("user", 0o600);
        }
        self
    }

    /// The last file is stored like this.
    pub(crate) fn encoded(mut self, encoding: Encoding) -> Self {
        if let Some(file) = self.files.last_mut() {
            file.encoding = encoding;
        }
        self
    }

    /// With what `more` adds if `wanted`.
    pub(crate) fn and_if(
        self,
        wanted: bool,
        more: impl FnOnce(Self) -> Result<Self, askama::Error>,
    ) -> Result<Self, askama::Error> {
        if wanted { more(self) } else { Ok(self) }
    }

    fn with(
        mut self,
        path: &'static str,
        mode: u32,
        note: &'static str,
        template: impl askama::Template,
    ) -> Result<Self, askama::Error> {
        let text = text(&template)?;
        self.files.push(File { path, mode, owner: "root", text, encoding: Encoding::Unix, note });
        Ok(self)
    }
}

/// What a template says, ending with one end of line.
fn text(template: &impl askama::Template) -> Result<String, askama::Error> {
    let mut text = template.render()?;
    text.truncate(text.trim_end_matches('\n').len());
    text.push('\n');
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_are_nearly_right() {
        // (asked for, what the message begins with)
        let table = [
            ("netplam", "no host \"netplam\"; did you mean netplan? Else use one of ifupdown, "),
            ("slackware", "no host \"slackware\"; did you mean udev? Else use one of "),
            ("OpenWRT", "no host \"OpenWRT\"; did you mean openwrt? Else use one of "),
            ("", "no host \"\"; use one of ifupdown, "),
            ("plan9", "no host \"plan9\"; use one of ifupdown, "),
        ];
        for (asked, expected) in table {
            let said = find(asked).expect_err(asked).to_string();
            assert!(said.starts_with(expected), "{said}");
        }
    }

    #[test]
    fn distances() {
        // (one, other, distance)
        for (one, other, expected) in [("", "", 0), ("a", "", 1), ("ufw", "uwf", 2), ("ssh", "ssh", 0)] {
            assert_eq!(distance(one, other), expected, "{one} {other}");
        }
    }
}

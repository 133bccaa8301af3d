//! Every profile at once, as files below one directory, with an index.

use askama::Template;

use crate::{File, Host, LinkFacts, Profile, ProfileError, Shape, filters, hosts};

/// A file of the tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Where it is below the directory, with `/` between the parts: `HOST/SHAPE/PATH-ON-THE-HOST`, `README.md` or
    /// `README.html`.
    pub path: String,
    /// Its permissions.
    pub mode: u32,
    /// Its content as it is on the host.
    pub bytes: Vec<u8>,
}

/// What there is: every host with its shapes and the reasons for those that it does not have, as text for a terminal.
#[must_use]
pub fn list() -> String {
    let width = hosts::ALL.iter().map(|host| host.name.len()).max().unwrap_or(0);
    let line = |host: &&Host| {
        let shapes: Vec<_> = host.shapes().map(Shape::word).collect();
        format!("{:width$}  {}\n{:width$}  {}\n", host.name, host.title, "", shapes.join(", "))
    };
    hosts::ALL.iter().map(line).collect()
}

/// Every host in every shape that it has, and `README.md`, which says for each where its files go, what to run, how to
/// undo it and how to see that it works; `README.html` is the same for a browser.
///
/// # Errors
/// [`ProfileError::Template`] only.
pub fn tree(facts: &LinkFacts) -> Result<Vec<Entry>, ProfileError> {
    tree_of(facts, &Shape::ALL)
}

/// The same with only some of the shapes.
///
/// # Errors
/// [`ProfileError::Template`] only.
pub fn tree_of(facts: &LinkFacts, shapes: &[Shape]) -> Result<Vec<Entry>, ProfileError> {
    let mut entries = Vec::new();
    let mut sections = Vec::new();
    for host in hosts::ALL.iter().filter(|host| host.finds(facts)) {
        let wanted = host.shapes().filter(|shape| shapes.contains(shape));
        let profiles: Vec<_> = wanted.map(|shape| host.profile(facts, shape)).collect::<Result<_, _>>()?;
        entries.extend(profiles.iter().flat_map(below));
        sections.push(Section { host, profiles });
    }
    let text = Index { facts, sections: &sections, shapes }
        .render()
        .map_err(|source| ProfileError::Template { host: "README.md", source })?;
    let page = Web { facts, sections: &sections, readme: &text };
    let page = page.render().map_err(|source| ProfileError::Template { host: "README.html", source })?;
    let entry = |path: &str, text: String| Entry { path: path.into(), mode: 0o644, bytes: text.into_bytes() };
    entries.splice(0..0, [entry("README.md", text), entry("README.html", page)]);
    Ok(entries)
}

/// The files of one profile, below `HOST/SHAPE`.
fn below(profile: &Profile) -> impl Iterator<Item = Entry> {
    let folder = format!("{}/{}", profile.host, profile.shape);
    profile
        .files
        .iter()
        .map(Entry::of)
        .map(move |entry| Entry { path: format!("{folder}/{}", entry.path), ..entry })
}

impl Entry {
    /// A file below a directory that mirrors the host.
    #[must_use]
    pub fn of(file: &File) -> Self {
        Self { path: file.relative(), mode: file.mode, bytes: file.bytes() }
    }

    /// Its content for a terminal: what is stored in another encoding than a terminal's is decoded.
    #[must_use]
    pub fn text(&self) -> String {
        let utf16 = self.bytes.strip_prefix(b"\xff\xfe").map(|rest| {
            let units = rest.chunks_exact(2).map(|unit| u16::from_le_bytes([unit[0], unit[1]]));
            char::decode_utf16(units).map(|found| found.unwrap_or('\u{fffd}')).collect::<String>()
        });
        let text = utf16.unwrap_or_else(|| String::from_utf8_lossy(&self.bytes).into_owned());
        text.trim_start_matches('\u{feff}').replace("\r\n", "\n")
    }
}

struct Section {
    host: &'static Host,
    profiles: Vec<Profile>,
}

#[derive(Template)]
#[template(path = "index.md", escape = "none")]
struct Index<'a> {
    facts: &'a LinkFacts,
    sections: &'a [Section],
    shapes: &'a [Shape],
}

/// The index for whoever opens it with a click.
#[derive(Template)]
#[template(path = "index.html", escape = "none")]
struct Web<'a> {
    facts: &'a LinkFacts,
    sections: &'a [Section],
    readme: &'a str,
}

impl Profile {
    /// The profile's own page, in Markdown: its files, what to run, how to undo it and how to see that it works.
    ///
    /// # Errors
    /// [`ProfileError::Template`] only.
    pub fn readme(&self) -> Result<String, ProfileError> {
        Page { profile: self }.render().map_err(|source| ProfileError::Template { host: self.host, source })
    }
}

#[derive(Template)]
#[template(path = "profile.md", escape = "none")]
struct Page<'a> {
    profile: &'a Profile,
}

//! `usbnet profile`: asks for the facts, lets the profiles be made, prints or writes them.

mod write;

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use usbnet_host_profiles::{self as profiles, Entry, Host, LinkFacts, Profile, Shape};

use super::args::ProfileArgs;
use super::client::ClientError;
use super::{CommandError, ask_status, load, pretty, say};
use crate::config::{Config, MacChoice};
use crate::daemon;
use crate::exit::Exit;
use crate::gather::Gather;
use crate::identity::{Identity, IdentityError};
use crate::profile::{self, ImageError, Live, LiveError};
use crate::responder;
use write::WriteError;

/// Why there is no profile.
#[derive(Debug, thiserror::Error)]
pub enum ProfileError {
    /// The host or its shape.
    #[error(transparent)]
    Host(#[from] profiles::ProfileError),
    /// The facts.
    #[error(transparent)]
    Facts(#[from] profile::ProfileError),
    /// The daemon's answer.
    #[error(transparent)]
    Live(#[from] LiveError),
    /// An image of one host's.
    #[error("an image has the profiles of all hosts; use usbnet profile all --image FILE")]
    ImageOfOne,
    /// An image without a name.
    #[error("{} has no file name that is text; use one like {}", .0.display(), .0.join("usbnet.img").display())]
    ImageName(PathBuf),
    /// All hosts, in another writing.
    #[error("no host {0:?}; did you mean all? usbnet profile --list has the names of single hosts")]
    NotAll(String),
    /// The image.
    #[error(transparent)]
    Image(#[from] ImageError),
    /// The directory.
    #[error(transparent)]
    Write(#[from] WriteError),
}

impl ProfileError {
    /// What the command ends with.
    pub(super) fn exit(&self) -> Exit {
        use profile::ProfileError::{NoMode, NoNetwork, NoNetworkMode};
        match self {
            Self::Host(
                profiles::ProfileError::NoHost { .. }
                | profiles::ProfileError::Cannot { .. }
                | profiles::ProfileError::NoMac { .. },
            )
            | Self::ImageOfOne
            | Self::ImageName(_)
            | Self::NotAll(_)
            | Self::Facts(NoMode { .. } | NoNetwork { .. }) => Exit::Usage,
            Self::Facts(NoNetworkMode) => Exit::ConfigInvalid,
            Self::Host(profiles::ProfileError::Template { .. })
            | Self::Facts(_)
            | Self::Live(_)
            | Self::Image(_) => Exit::Failed,
            Self::Write(error) => error.exit(),
        }
    }
}

/// Does what the command line asks for.
pub(super) fn run(run: &Path, args: &ProfileArgs) -> Result<(), CommandError> {
    if args.list {
        return say(if args.json { list_as_json() } else { profiles::list() }.trim_end());
    }
    let name = args.host.as_deref().unwrap_or_default();
    // What was asked for wrongly is said before anybody is asked.
    let host = if name == "all" { None } else { Some(known(name, args.shape)?) };
    if let (Some(_), Some(_)) = (host, &args.image) {
        return Err(ProfileError::ImageOfOne.into());
    }
    let image = args.image.as_deref().map(place).transpose()?;
    let facts = facts(run, args)?;
    if let Some((directory, name)) = image {
        return write_image(directory, name, &facts, args.force);
    }
    match (host, &args.out) {
        (Some((host, shape)), None) => say(printed(&made(host, &facts, shape)?)?.trim_end()),
        (None, None) => every(&facts, args.shape)?.iter().try_for_each(|entry| say(&shown(entry))),
        (Some((host, shape)), Some(out)) => {
            write_all(out, &entries(&made(host, &facts, shape)?)?, args.force)
        }
        (None, Some(out)) => write_all(out, &every(&facts, args.shape)?, args.force),
    }
}

/// The host of this name, if it has the shape.
fn known(name: &str, shape: Option<Shape>) -> Result<(&'static Host, Shape), ProfileError> {
    // The hosts' own guess knows no `all`, and finds one with these letters in its name.
    if name.eq_ignore_ascii_case("all") {
        return Err(ProfileError::NotAll(name.to_owned()));
    }
    let host = profiles::find(name)?;
    let shape = shape.or_else(|| host.shapes().next()).unwrap_or(Shape::Link);
    match host.refusal(shape) {
        Some(why) => Err(profiles::ProfileError::Cannot { host: host.name, shape, why }.into()),
        None => Ok((host, shape)),
    }
}

fn made(host: &Host, facts: &LinkFacts, shape: Shape) -> Result<Profile, ProfileError> {
    Ok(host.profile(facts, shape)?)
}

/// Every host, in every shape or in one.
fn every(facts: &LinkFacts, shape: Option<Shape>) -> Result<Vec<Entry>, ProfileError> {
    Ok(match shape {
        None => profiles::tree(facts)?,
        Some(shape) => profiles::tree_of(facts, &[shape])?,
    })
}

fn list_as_json() -> String {
    let words = |host: &Host| host.shapes().map(Shape::word).collect::<Vec<_>>();
    let reason = |(shape, why): &(Shape, &str)| (shape.word().to_owned(), Value::from(*why));
    let host = |host: &&Host| {
        let cannot: serde_json::Map<_, _> = host.cannot.iter().map(reason).gather();
        json!({ "name": host.name, "for": host.title, "shapes": words(host), "cannot": cannot })
    };
    pretty(&profiles::ALL.iter().map(host).collect::<Vec<_>>())
}

/// The facts of the running daemon's link, or of another device's that is only described.
fn facts(run: &Path, args: &ProfileArgs) -> Result<LinkFacts, CommandError> {
    let described = args.config.is_some() || args.machine_id.is_some();
    let running = if described { None } else { live(run)? };
    let config = match &running {
        // What the daemon was started with; the file may have been changed since.
        Some(_) => daemon::noted_config(run).map_or_else(|| Ok(Config::default()), |file| load(Some(&file))),
        None => load(args.config.as_deref()),
    }?;
    let (facts, from) = facts_of(config, running.flatten(), args, || Identity::read(Path::new("/")))
        .map_err(ProfileError::from)?;
    eprintln!("usbnet: {from}");
    Ok(facts)
}

/// The daemon's link: the outer `None` if there is no daemon, the inner if its mode has no link.
fn live(run: &Path) -> Result<Option<Option<Live>>, CommandError> {
    match ask_status(run) {
        Ok(status) => Ok(Some(Live::of(&status).map_err(ProfileError::from)?)),
        Err(CommandError::Client(ClientError::NotRunning(_))) => Ok(None),
        Err(error) => Err(error),
    }
}

/// The facts, and one line that says where they are from.
fn facts_of(
    mut config: Config,
    live: Option<Live>,
    args: &ProfileArgs,
    identity: impl FnOnce() -> Result<Identity, IdentityError>,
) -> Result<(LinkFacts, String), profile::ProfileError> {
    let mode =
        profile::choose_mode(&config, args.mode.as_deref(), live.as_ref().map(|live| live.mode.as_str()))?;
    let mode = mode.to_owned();
    // The link of another mode than the one that is set will have the same addresses, but another hardware address.
    let live = live.as_ref();
    let host_mac = args.mac.or_else(|| live.filter(|live| live.mode == mode).and_then(|live| live.host_mac));
    if let Some(host) = host_mac {
        config.gadget.mac = MacChoice::Fixed { device: host, host };
    }
    let identity = args.machine_id.clone().map_or_else(identity, Ok);
    let addresses = live.map_or_else(|| profile::configured(&config), |live| live.addresses);
    let name = args.name.as_ref().map(ToString::to_string).or_else(|| config.link.name.clone());
    let name = responder::device_name(name.as_deref(), &config.link.domain);
    let mut facts = profile::link_facts(&config, &mode, &identity, &addresses, &name)?;
    facts.bridge = args.bridge.clone();
    let from = match live {
        Some(Live { moved: Some(why), .. }) => format!("as the daemon has it: {why}"),
        Some(_) => "as the daemon has it".to_owned(),
        None => "as configured; a device that finds the subnet in use takes another one".to_owned(),
    };
    let from = format!(
        "mode {mode}: device {name}.{} {}/{}, host {}, {from}",
        config.link.domain, addresses.address, addresses.prefix, addresses.host
    );
    Ok((facts, from))
}

/// A profile for a terminal: its files under their names, then what to do with them.
fn printed(profile: &Profile) -> Result<String, ProfileError> {
    let mut text = String::new();
    for file in &profile.files {
        text += &format!("==> {} ({:04o}, {}) <==\n{}\n", file.path, file.mode, file.owner, file.text);
    }
    Ok(text + &format!("==> README.md <==\n{}", profile.readme()?))
}

/// A file of the tree for a terminal, whatever its bytes are.
fn shown(entry: &Entry) -> String {
    format!("==> {} ({:04o}) <==\n{}", entry.path, entry.mode, entry.text())
}

/// The files of one profile as they lie on the host, and its page.
fn entries(profile: &Profile) -> Result<Vec<Entry>, ProfileError> {
    let mut entries: Vec<_> = profile.files.iter().map(Entry::of).collect();
    entries.push(Entry { path: "README.md".into(), mode: 0o644, bytes: profile.readme()?.into_bytes() });
    Ok(entries)
}

fn write_all(out: &Path, entries: &[Entry], force: bool) -> Result<(), CommandError> {
    write::write(out, entries, force).map_err(ProfileError::from)?;
    say(&format!(
        "{} files in {}; begin with {}",
        entries.len(),
        out.display(),
        out.join("README.md").display()
    ))
}

/// The image's directory and name. `/` and `..` have none; a name that is no text would become another one.
fn place(image: &Path) -> Result<(&Path, &str), ProfileError> {
    let directory = image.parent().unwrap_or(Path::new(""));
    // A slash at the end means a directory, and std takes it away.
    let is_named = !image.as_os_str().as_encoded_bytes().ends_with(b"/");
    let name = image.file_name().and_then(OsStr::to_str).filter(|_| is_named);
    name.map(|name| (directory, name)).ok_or_else(|| ProfileError::ImageName(image.to_owned()))
}

fn write_image(directory: &Path, name: &str, facts: &LinkFacts, force: bool) -> Result<(), CommandError> {
    let bytes = profile::image(facts).map_err(ProfileError::from)?;
    let said = format!("{} bytes in {}", bytes.len(), directory.join(name).display());
    write::write(directory, &[Entry { path: name.to_owned(), mode: 0o644, bytes }], force)
        .map_err(ProfileError::from)?;
    say(&said)
}

#[cfg(test)]
mod tests;

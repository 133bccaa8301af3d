//! The configuration: what users may write, its defaults, and every rule it has to keep.
//!
//! This module decides whether a configuration is valid and where it is not; it must never act on
//! one, and it must never hand out a configuration of which only a part was checked. Of several
//! problems it reports the first: syntax before values, values before the rules between them.

mod address;
mod card;
mod check;
mod function;
mod name;
mod node;
mod problem;
mod read;
mod render;
mod schema;

use std::{
    fs::{self, File},
    io::{self, Read},
    path::{Path, PathBuf},
};

pub use address::{AddressError, InterfaceAddress, Pool, PoolError};
pub use card::{Card, CardPlace, CardPlaceError, FsCheck, OnBusy, OnEject, Storage};
pub use function::{FunctionKind, HostPreset};
pub use name::HOST;
use node::Node;
use problem::Fault;
pub use problem::{ConfigError, Problem};
pub use read::station;
pub use render::render;
pub use schema::{
    Backend, Config, Console, Control, Gadget, Link, MacChoice, Mode, SerialChoice, Share, StartMode, Switch,
    UdcChoice,
};

/// The longest file that is read, in bytes; the default configuration has a twentieth of it.
const MAX_BYTES: u64 = 64 * 1024;

/// The system's file.
const FILE: &str = "/etc/usbnet/config.ron";

/// The default configuration with a comment on every field; it parses to [`Config::default`].
#[must_use]
pub fn default_text() -> &'static str {
    include_str!("default.ron")
}

/// The file that is in force: the given one, else the system's, else none (the defaults).
#[must_use]
pub fn source(file: Option<PathBuf>) -> Option<PathBuf> {
    // One that is there and cannot be read is an error for whoever reads it, not the defaults.
    let absent = |path: &PathBuf| matches!(fs::symlink_metadata(path), Err(error) if error.kind() == io::ErrorKind::NotFound);
    file.or_else(|| Some(PathBuf::from(FILE)).filter(|path| !absent(path)))
}

/// The configuration in a file.
///
/// # Errors
/// When the file cannot be read, is too long, or holds no valid configuration.
pub fn load(path: &Path) -> Result<Config, ConfigError> {
    let file = path.display().to_string();
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|content| content.take(MAX_BYTES + 1).read_to_end(&mut bytes));
    match read {
        Err(cause) => Err(ConfigError::Unreadable { file, cause }),
        // The file may be endless, so its own idea of its length is not asked.
        Ok(length) if length as u64 > MAX_BYTES => Err(ConfigError::TooLong { file, limit: MAX_BYTES }),
        Ok(_) => parse_bytes(&bytes, &file),
    }
}

/// The configuration in a text; `file` is its name in messages.
///
/// # Errors
/// When the text is too long or holds no valid configuration.
pub fn parse(text: &str, file: &str) -> Result<Config, ConfigError> {
    if text.len() as u64 > MAX_BYTES {
        return Err(ConfigError::TooLong { file: file.into(), limit: MAX_BYTES });
    }
    read_text(text).map_err(|fault| invalid(text, file, fault))
}

fn parse_bytes(bytes: &[u8], file: &str) -> Result<Config, ConfigError> {
    std::str::from_utf8(bytes).map_or_else(
        |error| {
            let text = String::from_utf8_lossy(bytes);
            let fault = Fault { offset: error.valid_up_to(), path: String::new(), problem: Problem::NotUtf8 };
            Err(invalid(&text, file, fault))
        },
        |text| parse(text, file),
    )
}

fn read_text(text: &str) -> Result<Config, Fault> {
    let root = Node::document(text)?;
    let config = read::config(&root)?;
    check::config(&config).map_err(|found| {
        let (offset, path) = match root.locate(&found.path) {
            Ok(value) => (value.offset(), found.path),
            // Not written, so what is written elsewhere does not go with it.
            Err(group) => (group.offset(), found.path + " (the default)"),
        };
        Fault { offset, path, problem: found.problem }
    })?;
    Ok(config)
}

/// Line and column of the byte, as people and editors count them.
fn invalid(text: &str, file: &str, fault: Fault) -> ConfigError {
    let before = text.get(..fault.offset).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.chars().rev().take_while(|c| *c != '\n').count() + 1;
    ConfigError::Invalid { file: file.into(), line, column, path: fault.path, problem: fault.problem.into() }
}

#[cfg(test)]
mod tests;

//! The profile disk's two steps: the image is made and shown, or taken away and removed.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::plan::{self, ProfileDisk};
use crate::profile::{self, ImageError};
use crate::sys::configfs::{ConfigfsError, Lun};

/// Why there is no profile disk.
#[derive(Debug, thiserror::Error)]
pub enum ProfileDiskError {
    /// The image.
    #[error(transparent)]
    Image(#[from] ImageError),
    /// The run directory.
    #[error("{} cannot be written: {cause}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the kernel said.
        cause: io::Error,
    },
    /// The unit.
    #[error(transparent)]
    Unit(#[from] ConfigfsError),
}

/// Makes the image and puts it into the unit.
///
/// # Errors
/// See [`ProfileDiskError`]; nothing half is left.
pub fn offer(sys: &Path, lun: &Lun, disk: &ProfileDisk) -> Result<(), ProfileDiskError> {
    let image = &disk.image;
    let directory = image.parent().unwrap_or(Path::new("/"));
    forget(directory, Some(image));
    let new = image.with_extension("new");
    let written = fs::write(&new, profile::image(&disk.facts)?).and_then(|()| fs::rename(&new, image));
    if let Err(cause) = written {
        let _ = fs::remove_file(&new); // it may not be there
        return Err(ProfileDiskError::Write { path: new, cause });
    }
    Ok(lun.insert(sys, image)?)
}

/// Takes it out of the unit and removes it. Whoever reads it there has nothing to lose, so nothing waits for that.
pub fn withdraw(sys: &Path, lun: &Lun, image: &Path) {
    let taken = lun.eject(sys, false).and_then(|out| if out { Ok(true) } else { lun.eject(sys, true) });
    match taken {
        Ok(true) => {}
        Ok(false) => log::info!("the host still reads the profile disk; it goes with the gadget"),
        Err(error) => log::warn!("{error}"),
    }
    let _ = fs::remove_file(image); // what is in use stays readable for its user
}

/// Removes the images that a daemon that was killed left behind.
pub fn forget(run: &Path, but: Option<&Path>) {
    for entry in fs::read_dir(run).into_iter().flatten().flatten() {
        let path = entry.path();
        if plan::is_image(&path) && Some(path.as_path()) != but {
            let _ = fs::remove_file(&path); // the next one to look removes it
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::identity::Identity;
    use crate::profile::{configured, link_facts};

    fn disk(run: &Path, product: &str) -> ProfileDisk {
        let mut config = Config::default();
        config.gadget.product = product.to_owned();
        let identity = Ok(Identity::from_seed("a device"));
        let facts = link_facts(&config, "network", &identity, &configured(&config), "n800").expect("facts");
        ProfileDisk::new(run, 0, facts, "network")
    }

    fn images(run: &Path) -> Vec<PathBuf> {
        fs::read_dir(run).expect("a directory").map(|entry| entry.expect("readable").path()).collect()
    }

    #[test]
    fn one_image_at_most_and_none_afterwards() {
        let run = tempfile::tempdir().expect("a directory");
        let unit = tempfile::tempdir().expect("a directory");
        fs::write(unit.path().join("file"), "\n").expect("written");
        let lun = Lun::Configfs(unit.path().to_owned());
        let (one, other) = (disk(run.path(), "N800"), disk(run.path(), "N810"));
        assert_ne!(one.image, other.image, "other facts, another image");
        offer(Path::new("/sys"), &lun, &one).expect("offered");
        assert_eq!(fs::read(&one.image).expect("there"), profile::image(&one.facts).expect("an image"));
        offer(Path::new("/sys"), &lun, &other).expect("offered");
        assert_eq!(images(run.path()), std::slice::from_ref(&other.image));
        assert_eq!(lun.medium(Path::new("/sys")), other.image.display().to_string());
        withdraw(Path::new("/sys"), &lun, &other.image);
        assert_eq!((lun.medium(Path::new("/sys")).as_str(), images(run.path()).len()), ("", 0));
    }

    #[test]
    fn what_cannot_be_written_is_named_and_leaves_nothing() {
        let unit = Lun::Configfs("/dev/null".into());
        let error =
            offer(Path::new("/sys"), &unit, &disk(Path::new("/dev/null"), "N800")).expect_err("no directory");
        assert!(error.to_string().contains("cannot be written"), "{error}");
    }
}

//! Running file system checkers.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use super::find::{FileAt, read_superblock};
use super::{CardError, CardSystem, Hold};
use crate::cards::checker::{Checker, Verdict, checker, shortened};
use crate::cards::superblock::is_journal_open;
use crate::cards::{Backing, Medium};
use crate::config::FsCheck;
use crate::sys::program;

/// Where checkers are, beside `PATH`: a service's often lacks them.
const PLACES: [&str; 5] = ["/usr/local/sbin", "/usr/sbin", "/sbin", "/usr/bin", "/bin"];

impl CardSystem {
    /// Checks every file system of a medium; of several the worst verdict counts. Takes as long as the checker does.
    /// `hold` keeps everything else from it, but for a checker that claims it by itself.
    ///
    /// # Errors
    /// The checker cannot be started. That it fails is a [`Verdict`].
    pub fn check(&self, medium: &Medium, how: FsCheck, hold: Hold) -> Result<Verdict, CardError> {
        if how == FsCheck::Off {
            return Ok(Verdict::Clean);
        }
        let mut verdict = Verdict::Clean;
        let mut hold = Some(hold);
        for path in self.parts(medium) {
            // What is there now: the host may have formatted it.
            let Some(filesystem) = read_superblock(&path) else { continue };
            let found = match how {
                FsCheck::Report if is_journal_open(&FileAt::open(&path)?) => Verdict::JournalOpen,
                FsCheck::Repair if checker(&filesystem.kind).is_some_and(|checker| checker.claims) => {
                    hold = None;
                    check(&path, &filesystem.kind, true)?
                }
                _ => check(&path, &filesystem.kind, how == FsCheck::Repair)?,
            };
            verdict = verdict.max(found);
        }
        drop(hold);
        Ok(verdict)
    }

    fn parts(&self, medium: &Medium) -> Vec<PathBuf> {
        let partitions = match &medium.backing {
            Backing::Block { partitions, .. } => partitions.as_slice(),
            Backing::Image { .. } => &[],
        };
        let nodes = partitions.iter().filter_map(|number| self.blocks.node(*number));
        std::iter::once(medium.path.clone()).chain(nodes).collect()
    }
}

fn check(path: &Path, kind: &str, repair: bool) -> Result<Verdict, CardError> {
    let absent = |program: Option<&&str>| Verdict::NoChecker {
        kind: kind.to_owned(),
        program: program.map(|program| (*program).to_owned()),
    };
    let Some(checker) = checker(kind) else { return Ok(absent(None)) };
    let Some(program) = checker.programs.iter().find_map(|program| installed(program)) else {
        return Ok(absent(checker.programs.first()));
    };
    run(&checker, &program, path, repair)
}

fn run(checker: &Checker, program: &Path, path: &Path, repair: bool) -> Result<Verdict, CardError> {
    let (arguments, repairs) = match checker.repair.filter(|_| repair) {
        Some(arguments) => (arguments, true),
        None => (checker.report, false),
    };
    let mut command = program::command(program);
    command.args(arguments).arg(path).stdin(Stdio::null()).env("LC_ALL", "C");
    let output = command.output().map_err(|cause| CardError::Read { path: program.to_owned(), cause })?;
    let mut said = shortened(&[output.stdout, output.stderr].concat());
    if output.status.code().is_none() {
        said = format!("{} {said}", output.status);
    }
    let name = program.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    Ok(checker.verdict(&name, repairs, output.status.code(), said))
}

fn installed(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let places = std::env::split_paths(&path).chain(PLACES.map(PathBuf::from));
    places.map(|place| place.join(program)).find(|path| path.is_file())
}

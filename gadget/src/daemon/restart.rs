//! Whether the daemon may be stopped for a new beginning: decided before anything is taken down.

use std::path::Path;

use super::instance::same_file;
use crate::config;
use crate::control::{Caller, Refusal, Role, Stop};
use crate::exit::Exit;

/// Why it would not begin anew as it is wanted. `file` is the configuration that it would have then, none for the built-in
/// defaults, if a supervisor runs it. Any other is started by whoever stops it, who must be able to.
pub fn objection(stop: &Stop, caller: Caller, supervised: bool, file: Option<&Path>) -> Option<Refusal> {
    if !stop.restart {
        return None;
    }
    if !supervised {
        let starts = caller.role == Role::Switcher && caller.uid == 0;
        let message = "only root can restart a daemon that no supervisor runs, because only root can start it again; \
                       use sudo usbnet restart";
        return (!starts).then(|| Refusal::Failed { exit: Exit::NotPermitted, message: message.to_owned() });
    }
    if let Some(asked) = stop.config.as_deref().filter(|asked| !same_file(file, Path::new(asked))) {
        let file = file.map_or_else(|| "the built-in defaults".into(), Path::to_string_lossy);
        let message = format!(
            "a supervisor runs the daemon with {file}, not with {asked}; change that in the supervisor's own files"
        );
        return Some(Refusal::Failed { exit: Exit::Failed, message });
    }
    let invalid = config::load(file?).err()?;
    Some(Refusal::Failed { exit: Exit::ConfigInvalid, message: invalid.to_string() })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOT: Caller = Caller { pid: 1, uid: 0, role: Role::Switcher };
    const MEMBER: Caller = Caller { pid: 1, uid: 1000, role: Role::Switcher };
    const CONSOLE: Caller = Caller { pid: 1, uid: 0, role: Role::Console };

    #[test]
    fn nothing_is_taken_down_that_would_not_come_back() {
        let directory = tempfile::tempdir().expect("a directory");
        let file = |name: &str, text: &str| {
            let path = directory.path().join(name);
            std::fs::write(&path, text).expect("writable");
            path
        };
        let (valid, invalid) = (file("a.ron", "Config()"), file("b.ron", "Config("));
        let restart = |config: Option<&Path>| Stop {
            restart: true,
            config: config.map(|path| path.display().to_string()),
            ..Stop::default()
        };
        let (stop, again) = (Stop::default(), restart(None));
        let table = [
            ("stopped by a member", &stop, MEMBER, false, None, None),
            ("stopped with an invalid file", &stop, MEMBER, true, Some(&invalid), None),
            ("started again by root", &again, ROOT, false, None, None),
            ("started again by a member", &again, MEMBER, false, None, Some(Exit::NotPermitted)),
            ("started again by the host", &again, CONSOLE, false, None, Some(Exit::NotPermitted)),
            ("begins anew for a member", &again, MEMBER, true, None, None),
            ("begins anew for the host", &again, CONSOLE, true, Some(&valid), None),
            (
                "begins anew with an invalid file",
                &again,
                ROOT,
                true,
                Some(&invalid),
                Some(Exit::ConfigInvalid),
            ),
            ("with the one asked for", &restart(Some(&valid)), ROOT, true, Some(&valid), None),
            ("not with it", &restart(Some(&valid)), ROOT, true, Some(&invalid), Some(Exit::Failed)),
            ("instead of the defaults", &restart(Some(&valid)), ROOT, true, None, Some(Exit::Failed)),
        ];
        for (name, stop, caller, supervised, file, exit) in table {
            let refusal = objection(stop, caller, supervised, file.map(|path| path.as_path()));
            assert_eq!(refusal.map(|refusal| refusal.exit()), exit, "{name}");
        }
    }
}

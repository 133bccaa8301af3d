//! From the gadget that is to the gadget that shall be: which operations, in which order.
//!
//! Never orders the removal of the gadget's own directory to change it ([`removal`] is for going away),
//! and keeps every part that is right already. The gadget has to be unbound while the operations run.

use std::path::{Path, PathBuf};

use super::attributes::{Wanted, device_attributes, echo, function_attributes};
use super::live::{Attributes, LiveConfiguration, LiveFunction, LiveGadget};
use super::operation::{Check, Operation};
use super::spec::{FunctionSpec, GadgetSpec};

/// The only language that is written: English.
const LANGUAGE: &str = "0x409";
/// The only configuration that is made. Its link in `os_desc` has the same name.
const CONFIGURATION: &str = "c.1";

/// The operations that turn `live` (the gadget in `dir`, if there is one) into `spec`; none if it is that already.
///
/// A function whose attributes differ is made anew: the kernel takes its addresses over only when it
/// first registers the interface, and refuses to change them while the function is linked.
#[must_use]
pub fn difference(dir: &Path, live: Option<&LiveGadget>, spec: &GadgetSpec) -> Vec<Operation> {
    let absent = LiveGadget::default();
    let live_or_absent = live.unwrap_or(&absent);
    let mut change = Change { dir, live: live_or_absent, operations: Vec::new() };
    if live.is_none() {
        change.make_dir(PathBuf::new());
    }
    change.remove_excess(spec);
    change.build(spec);
    change.operations
}

/// The operations that remove a gadget, whatever state it is in, in the order that the kernel allows.
#[must_use]
pub fn removal(live: &LiveGadget) -> Vec<Operation> {
    let mut operations = emptying(live);
    let strings = live.path.join("strings");
    operations
        .extend(live.strings.keys().map(|language| Operation::RemoveDir { path: strings.join(language) }));
    operations.push(Operation::RemoveDir { path: live.path.clone() });
    operations
}

/// The operations that remove the configurations and functions of a gadget, and leave its directory and identity.
#[must_use]
pub fn emptying(live: &LiveGadget) -> Vec<Operation> {
    let mut change = Change { dir: &live.path, live, operations: Vec::new() };
    change.remove_links(&[], true);
    for (name, configuration) in &live.configurations {
        change.remove_configuration(name, configuration);
    }
    for (name, function) in &live.functions {
        change.remove_function(name, function);
    }
    change.operations
}

struct Change<'a> {
    dir: &'a Path,
    live: &'a LiveGadget,
    operations: Vec<Operation>,
}

impl Change<'_> {
    /// Everything that the kernel wants gone before something else can be made: links first, then what they held.
    fn remove_excess(&mut self, spec: &GadgetSpec) {
        let stay = self.links_that_stay(spec);
        self.remove_links(&stay, spec.os_descriptors.is_none());
        for (name, configuration) in &self.live.configurations {
            if name != CONFIGURATION {
                self.remove_configuration(name, configuration);
            } else {
                let strings = Path::new("configs").join(name).join("strings");
                for language in configuration.strings.keys().filter(|language| *language != LANGUAGE) {
                    self.remove_dir(strings.join(language));
                }
            }
        }
        for (name, function) in &self.live.functions {
            if !spec.functions.iter().any(|wanted| wanted.directory() == *name && is_right(function, wanted))
            {
                self.remove_function(name, function);
            }
        }
        for language in self.live.strings.keys().filter(|language| *language != LANGUAGE) {
            self.remove_dir(Path::new("strings").join(language));
        }
    }

    fn build(&mut self, spec: &GadgetSpec) {
        let live = self.live;
        self.write_differing(Path::new(""), &live.attributes, device_attributes(spec));
        self.write_strings(
            Path::new("strings"),
            live.strings.get(LANGUAGE),
            vec![
                echo("manufacturer", &spec.strings.manufacturer),
                echo("product", &spec.strings.product),
                echo("serialnumber", &spec.strings.serial),
            ],
        );
        for function in &spec.functions {
            if !live.functions.get(&function.directory()).is_some_and(|found| is_right(found, function)) {
                self.make_function(function);
            }
        }
        self.build_configuration(spec);
        self.build_os_descriptors(spec);
    }

    fn build_configuration(&mut self, spec: &GadgetSpec) {
        let dir = Path::new("configs").join(CONFIGURATION);
        let absent = LiveConfiguration::default();
        let found = self.live.configurations.get(CONFIGURATION);
        if found.is_none() {
            self.make_dir(dir.clone());
        }
        let found = found.unwrap_or(&absent);
        // Bit 7 is always set: USB 2.0 section 9.6.3.
        let attributes = if spec.configuration.self_powered { 0xC0 } else { 0x80 };
        let wanted = vec![
            echo("bmAttributes", &format!("{attributes:#04x}")),
            echo("MaxPower", &spec.configuration.max_power.to_string()),
        ];
        self.write_differing(&dir, &found.attributes, wanted);
        self.write_strings(
            &dir.join("strings"),
            found.strings.get(LANGUAGE),
            vec![echo("configuration", &spec.configuration.description)],
        );
        let stay = self.links_that_stay(spec);
        for (link, function) in links(spec).into_iter().skip(stay.len()) {
            self.operations.push(Operation::Link {
                target: self.dir.join("functions").join(function),
                link: self.dir.join(&dir).join(link),
            });
        }
    }

    fn build_os_descriptors(&mut self, spec: &GadgetSpec) {
        let dir = Path::new("os_desc");
        let found = &self.live.os_descriptors;
        let Some(wanted) = &spec.os_descriptors else {
            if found.attributes.get("use").is_some_and(|value| value != "0") {
                self.write_differing(dir, &found.attributes, vec![echo("use", "0")]);
            }
            return;
        };
        let attributes = vec![
            echo("use", "1"),
            echo("b_vendor_code", &format!("{:#04x}", wanted.vendor_code)),
            echo("qw_sign", &wanted.signature),
        ];
        self.write_differing(dir, &found.attributes, attributes);
        if found.links.get(CONFIGURATION).map(String::as_str) != Some(CONFIGURATION) {
            self.operations.push(Operation::Link {
                target: self.dir.join("configs").join(CONFIGURATION),
                link: self.dir.join(dir).join(CONFIGURATION),
            });
        }
    }

    /// The links of our configuration that are right. The host sees functions in the order in which they were
    /// linked, so these are a beginning of the list: behind the first wrong one all are linked anew.
    fn links_that_stay(&self, spec: &GadgetSpec) -> Vec<String> {
        let Some(configuration) = self.live.configurations.get(CONFIGURATION) else { return Vec::new() };
        links(spec)
            .into_iter()
            .zip(&spec.functions)
            .take_while(|((link, directory), wanted)| {
                configuration.links.get(link) == Some(directory)
                    && self.live.functions.get(directory).is_some_and(|found| is_right(found, wanted))
            })
            .map(|((link, _), _)| link)
            .collect()
    }

    /// Remove the links from `os_desc` (all, or those not to our configuration) and from the configurations (but `stay`).
    fn remove_links(&mut self, stay: &[String], all_os: bool) {
        for (link, target) in &self.live.os_descriptors.links {
            if all_os || link != CONFIGURATION || target != CONFIGURATION {
                self.unlink(Path::new("os_desc").join(link));
            }
        }
        for (name, configuration) in &self.live.configurations {
            // Backwards, so that an interruption leaves a beginning of the list.
            for link in configuration.links.keys().rev() {
                if name != CONFIGURATION || !stay.contains(link) {
                    self.unlink(Path::new("configs").join(name).join(link));
                }
            }
        }
    }

    /// Its links are gone already.
    fn remove_configuration(&mut self, name: &str, configuration: &LiveConfiguration) {
        let dir = Path::new("configs").join(name);
        for language in configuration.strings.keys() {
            self.remove_dir(dir.join("strings").join(language));
        }
        self.remove_dir(dir);
    }

    /// `lun.0`, `os_desc` and `interface.*` are the kernel's own and go with the function; further LUNs do not.
    fn remove_function(&mut self, name: &str, function: &LiveFunction) {
        let dir = Path::new("functions").join(name);
        for lun in function.luns().into_iter().filter(|lun| lun != "lun.0") {
            self.remove_dir(dir.join(lun));
        }
        self.remove_dir(dir);
    }

    fn make_function(&mut self, function: &FunctionSpec) {
        let dir = Path::new("functions").join(function.directory());
        self.make_dir(dir.clone());
        if let FunctionSpec::MassStorage(storage) = function {
            for index in 1..storage.luns.len() {
                self.make_dir(dir.join(format!("lun.{index}")));
            }
        }
        self.write_differing(&dir, &Attributes::new(), function_attributes(function));
    }

    fn write_strings(&mut self, dir: &Path, found: Option<&Attributes>, wanted: Vec<Wanted>) {
        let dir = dir.join(LANGUAGE);
        if found.is_none() {
            self.make_dir(dir.clone());
        }
        self.write_differing(&dir, found.unwrap_or(&Attributes::new()), wanted);
    }

    fn write_differing(&mut self, dir: &Path, found: &Attributes, wanted: Vec<Wanted>) {
        for (name, value, check) in wanted {
            if found.get(&name) != Some(&value) {
                let path = self.dir.join(dir).join(name);
                self.operations.push(Operation::Write { path, value, check });
            }
        }
    }

    fn make_dir(&mut self, below: PathBuf) {
        self.operations.push(Operation::MakeDir { path: self.path(&below) });
    }

    fn remove_dir(&mut self, below: PathBuf) {
        self.operations.push(Operation::RemoveDir { path: self.path(&below) });
    }

    fn unlink(&mut self, below: PathBuf) {
        self.operations.push(Operation::Unlink { link: self.path(&below) });
    }

    /// `dir.join("")` would end in a slash.
    fn path(&self, below: &Path) -> PathBuf {
        if below.as_os_str().is_empty() { self.dir.to_owned() } else { self.dir.join(below) }
    }
}

/// Whether a function has every attribute that its description gives, and no other LUNs.
fn is_right(found: &LiveFunction, wanted: &FunctionSpec) -> bool {
    let luns = match wanted {
        FunctionSpec::MassStorage(storage) => storage.luns.len(),
        FunctionSpec::Ethernet(_) | FunctionSpec::Acm { .. } => 0,
    };
    found.luns().len() == luns
        && function_attributes(wanted).iter().all(|(name, value, check)| match found.attributes.get(name) {
            Some(found) => found == value,
            None => *check == Check::IfPresent,
        })
}

/// The name of each link in the configuration, which tells its place, and the function that it points to.
fn links(spec: &GadgetSpec) -> Vec<(String, String)> {
    spec.functions
        .iter()
        .zip(1..)
        .map(|(function, place): (_, u8)| (format!("f{place}"), function.directory()))
        .collect()
}

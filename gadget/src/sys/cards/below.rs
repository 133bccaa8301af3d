//! What is in use of the devices below a controller.

use std::path::Path;

use super::table::Table;
use super::{CardError, CardSystem};
use crate::cards::{DeviceNumber, Used};

impl CardSystem {
    /// The file systems that are mounted, and the swap areas, on block devices whose directory in sysfs is below that of
    /// `controller`, or that are made of such.
    ///
    /// # Errors
    /// The mounts cannot be read.
    pub fn used_below(&self, controller: &Path) -> Result<Vec<Used>, CardError> {
        let table = Table::of(&self.proc.join("self"), &self.blocks)?;
        let below = |number: DeviceNumber| {
            let mut under = self.blocks.under(number).into_iter();
            let found = under.find(|number| self.blocks.is_below(*number, controller))?;
            self.blocks.node(found)
        };
        let mounts = table.mounts.iter().filter_map(|mount| {
            let device = table.under(mount).into_iter().find_map(below)?;
            Some(Used { device, point: Some(mount.point.clone()) })
        });
        let swaps = self.swaps(&table).into_iter().filter_map(|area| {
            let device = below(area.device?)?;
            Some(Used { device, point: None })
        });
        Ok(mounts.chain(swaps).collect())
    }
}

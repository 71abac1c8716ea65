//! Whether this machine can have a managed identity at all.

use std::fs;

/// What the firmware of every virtual machine of Azure calls its chassis, by which cloud-init knows one
/// ([source](https://github.com/canonical/cloud-init/blob/main/cloudinit/sources/azure/identity.py)).
const AZURE_TAG: &str = "7783-7084-3265-9085-8269-3286-77";

/// Where Linux shows it; containers see that of their machine.
const TAG_FILE: &str = "/sys/class/dmi/id/chassis_asset_tag";

/// Whether this is certainly no machine of Azure's. Where nothing tells, it may be one.
pub(super) fn is_elsewhere() -> bool {
    cfg!(target_os = "macos") || fs::read_to_string(TAG_FILE).is_ok_and(|tag| is_foreign(&tag))
}

fn is_foreign(tag: &str) -> bool {
    tag.trim() != AZURE_TAG
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_of_azure_is_known_by_its_tag() {
        assert!(!is_foreign("7783-7084-3265-9085-8269-3286-77\n"));
        for tag in ["", "\n", "No Asset Tag\n", "Amazon EC2", "Default string", "7783"] {
            assert!(is_foreign(tag), "{tag}");
        }
    }
}

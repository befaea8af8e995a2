//! Releases at which a table changed, and the version that a fresh installation records.

use crate::model::{Stage, Version};

/// The first release of a line: its pre-releases belong to it.
const fn line(major: u16, minor: u16) -> Version {
    Version::staged(major, minor, 0, Stage::Alpha)
}

pub(in crate::demo) const R1_3: Version = line(1, 3);
pub(in crate::demo) const R2_0: Version = line(2, 0);
pub(in crate::demo) const R3_0: Version = line(3, 0);
pub(in crate::demo) const R3_0_BETA: Version = Version::staged(3, 0, 0, Stage::Beta(0));
pub(in crate::demo) const R3_1: Version = line(3, 1);
pub(in crate::demo) const R3_2: Version = line(3, 2);
pub(in crate::demo) const R3_3: Version = line(3, 3);
pub(in crate::demo) const R3_4: Version = line(3, 4);

/// A point release.
pub(super) const fn point(major: u16, minor: u16, patch: u16) -> Version {
    Version::new(major, minor, patch)
}

/// The content of `t_ds_version` after a fresh installation by MySQL's script (F§5.2): not always
/// the release itself.
///
/// 3.4.2 and 3.4.3 write their own version. For 3.3.1 to 3.4.1 no script was available; the same is
/// assumed.
#[must_use]
pub fn fresh_version_row(version: Version) -> String {
    let Version {
        major,
        minor,
        patch,
        ..
    } = version;
    let (minor, patch) = match (major, minor, patch) {
        (1, 2, _) => (2, 0),
        // 1.3.0, and 3.2.2 is 3.3.0 in its own scripts.
        (1, 3, 0..=2) | (3, 2, 2) => (3, 0),
        (1, 3, 3..=5) => (3, 3),
        (2, 0, 1) => (0, 2),
        (2, 0, 8) => (0, 7),
        _ => (minor, patch),
    };
    format!("{major}.{minor}.{patch}")
}

/// Whether parameters are typed objects, and the claim is a state (3.3 and newer).
pub(in crate::demo) fn is_typed(version: Version) -> bool {
    version >= R3_3
}

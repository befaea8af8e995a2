//! Random numbers for names that must not meet another's.

use std::hash::{BuildHasher, RandomState};

/// 64 bits that no other process is likely to draw. Not for secrets.
pub(super) fn number() -> u64 {
    // Every `RandomState` has keys of its own, drawn from the operating system.
    RandomState::new().hash_one(std::process::id())
}

/// A random UUID, as Curator puts it into the names of protected nodes.
pub(super) fn uuid() -> String {
    let (high, low) = (number(), number());
    let tail = low & 0xffff_ffff_ffff;
    format!(
        "{:08x}-{:04x}-4{:03x}-a{:03x}-{tail:012x}",
        high >> 32,
        (high >> 16) & 0xffff,
        high & 0xfff,
        (low >> 48) & 0xfff
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_draws_are_alike() {
        assert_ne!(number(), number());
        assert_ne!(uuid(), uuid());
    }

    #[test]
    fn a_uuid_has_its_form() {
        let uuid = uuid();
        let lengths: Vec<usize> = uuid.split('-').map(str::len).collect();
        assert_eq!(lengths, [8, 4, 4, 4, 12], "{uuid}");
        assert!(uuid.chars().all(|c| c == '-' || c.is_ascii_hexdigit()), "{uuid}");
        assert_eq!((uuid.as_bytes()[14], uuid.as_bytes()[19]), (b'4', b'a'), "{uuid}");
    }
}

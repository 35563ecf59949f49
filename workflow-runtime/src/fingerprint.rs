//! Fingerprints: what a step, or a workflow, means, as a number that is the same on every machine.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// 128 bits of FNV-1a over the meaning's parts, each behind its length.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fingerprint(u128);

impl fmt::Display for Fingerprint {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{:032x}", self.0)
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Fingerprint({self})")
    }
}

impl Serialize for Fingerprint {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Fingerprint {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        let is_whole = text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let number = is_whole.then(|| u128::from_str_radix(&text, 16).ok()).flatten();
        number.map(Self).ok_or_else(|| serde::de::Error::custom("a fingerprint is 32 hexadecimal digits"))
    }
}

/// Makes a fingerprint, part by part.
pub(crate) struct Hasher(u128);

impl Hasher {
    const PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013B;
    const BASIS: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;

    pub(crate) fn new() -> Self {
        Self(Self::BASIS)
    }

    /// Adds a part. Its length goes first, so that parts cannot run into one another.
    pub(crate) fn add(&mut self, part: &str) -> &mut Self {
        self.bytes(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_le_bytes());
        self.bytes(part.as_bytes());
        self
    }

    /// Adds a list: its length, then its parts.
    pub(crate) fn list<T: AsRef<str>>(
        &mut self,
        parts: impl IntoIterator<Item = T, IntoIter: ExactSizeIterator>,
    ) -> &mut Self {
        let parts = parts.into_iter();
        self.add(&parts.len().to_string());
        parts.for_each(|part| {
            self.add(part.as_ref());
        });
        self
    }

    pub(crate) fn finish(&self) -> Fingerprint {
        Fingerprint(self.0)
    }

    fn bytes(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u128::from(*byte)).wrapping_mul(Self::PRIME);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_fnv_1a_and_will_stay_so() {
        // The published value for the empty text; then one of ours, which journals of old binaries hold.
        assert_eq!(Hasher::new().finish().to_string(), "6c62272e07bb014262b821756295c58d");
        assert_eq!(
            Hasher::new().add("step").add("agent").finish().to_string(),
            "045431e8772c3221f7cbd6bf39026da3"
        );
    }

    #[test]
    fn parts_do_not_run_into_one_another() {
        let of = |parts: &[&str]| {
            let mut hasher = Hasher::new();
            parts.iter().for_each(|part| {
                hasher.add(part);
            });
            hasher.finish()
        };
        assert_ne!(of(&["ab", "c"]), of(&["a", "bc"]));
    }
}

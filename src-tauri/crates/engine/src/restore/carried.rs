//! The agents this app carries: static Linux programs, one an architecture.

use std::fmt;
use std::io::Read as _;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use sha2::Digest as _;

/// A program for rented machines.
#[derive(Clone)]
pub(crate) struct Carried {
    /// The program.
    pub(crate) program: Bytes,
    /// The same, packed with gzip.
    pub(crate) packed: Bytes,
    /// What it hashes to.
    pub(crate) sha256: String,
}

impl fmt::Debug for Carried {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Carried").field("sha256", &self.sha256).finish_non_exhaustive()
    }
}

/// A program with its hash, packed.
pub(super) fn pack(program: Bytes) -> Carried {
    use std::io::Write as _;
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    // Memory takes every byte; and what arrives over there is hashed anyway.
    let _ = packer.write_all(&program);
    Carried { sha256: hash(&program), packed: packer.finish().unwrap_or_default().into(), program }
}

fn hash(program: &[u8]) -> String {
    format!("{:x}", Bytes::copy_from_slice(&sha2::Sha256::digest(program)))
}

/// One that nothing asked for yet is only packed.
struct Kept {
    arch: &'static str,
    packed: Bytes,
    carried: OnceLock<Option<Carried>>,
}

/// All of them. A build without them restores with restic alone.
#[derive(Clone, Default)]
pub struct Agents(Arc<[Kept]>);

impl fmt::Debug for Agents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|kept| kept.arch)).finish()
    }
}

impl Agents {
    /// These programs, packed with gzip, each with the machine it runs on
    /// (`uname -m`), the one that most machines want first.
    #[must_use]
    pub fn of(packed: impl IntoIterator<Item = (&'static str, Bytes)>) -> Self {
        let kept = |(arch, packed)| Kept { arch, packed, carried: OnceLock::new() };
        Self(packed.into_iter().map(kept).collect())
    }

    /// None is carried.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The one for such machines.
    pub(crate) fn for_arch(&self, arch: &str) -> Option<&Carried> {
        self.0.iter().find(|kept| kept.arch == arch)?.carried()
    }

    /// The one most machines want.
    pub(crate) fn usual(&self) -> Option<&Carried> {
        self.0.first()?.carried()
    }
}

impl Kept {
    fn carried(&self) -> Option<&Carried> {
        let unpack = || {
            let mut program = Vec::new();
            flate2::read::GzDecoder::new(self.packed.as_ref()).read_to_end(&mut program).ok()?;
            let (sha256, packed) = (hash(&program), self.packed.clone());
            Some(Carried { program: program.into(), packed, sha256 })
        };
        self.carried.get_or_init(unpack).as_ref()
    }
}

//! Ranges of files in a repository's folder.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::PathBuf;

use tokio::task::spawn_blocking;

use super::Trouble;
use crate::RawPath;
use crate::ticket::Object;

/// An open file at the next byte to read.
#[derive(Debug)]
pub(crate) struct Body {
    file: Option<File>,
    next: u64,
    /// Lent to the thread that reads.
    bytes: Vec<u8>,
}

fn path(root: &RawPath) -> PathBuf {
    #[cfg(unix)]
    let root = <std::ffi::OsStr as std::os::unix::ffi::OsStrExt>::from_bytes(&root.0);
    #[cfg(not(unix))]
    let root = String::from_utf8_lossy(&root.0).into_owned();
    PathBuf::from(root)
}

fn trouble(error: &io::Error) -> Trouble {
    match error.kind() {
        io::ErrorKind::NotFound => Trouble::Missing("it is missing"),
        io::ErrorKind::UnexpectedEof => Trouble::Missing("it is shorter than the index says"),
        _ => Trouble::Passing(error.to_string()),
    }
}

impl Body {
    pub(super) async fn open(
        root: &RawPath,
        object: Object<'_>,
        from: u64,
        to: u64,
    ) -> Result<Self, Trouble> {
        let path = path(root).join(object.name());
        let open = move || {
            let file = File::open(path)?;
            if file.metadata()?.len() < to {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            Ok(file)
        };
        let opened = spawn_blocking(open).await.map_err(io::Error::other).and_then(|open| open);
        let file = Some(opened.map_err(|error| trouble(&error))?);
        Ok(Self { file, next: from, bytes: Vec::new() })
    }

    pub(super) async fn fill(
        &mut self,
        buffer: &mut [u8],
        heard: impl Fn(usize),
    ) -> Result<(), Trouble> {
        let gone = || Trouble::Passing("a read was cut off".into());
        let mut file = self.file.take().ok_or_else(gone)?;
        let (mut bytes, next) = (std::mem::take(&mut self.bytes), self.next);
        bytes.resize(buffer.len(), 0);
        let read = move || {
            let outcome =
                file.seek(SeekFrom::Start(next)).and_then(|_| file.read_exact(&mut bytes));
            (file, bytes, outcome)
        };
        let (file, bytes, outcome) = spawn_blocking(read).await.map_err(|_| gone())?;
        buffer.copy_from_slice(&bytes);
        self.bytes = bytes;
        self.file = Some(file);
        self.next += buffer.len() as u64;
        heard(buffer.len());
        outcome.map_err(|error| trouble(&error))
    }

    pub(super) const fn skip(&mut self, length: u64) {
        self.next += length;
    }
}

//! Two folders, compared to the last attribute that a restore sets.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

/// All that is compared of an entry but its contents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    kind: &'static str,
    mode: u32,
    owner: (u32, u32),
    modified: (i64, i64),
    accessed: (i64, i64),
    size: u64,
    device: u64,
    /// A link's target.
    target: Vec<u8>,
    xattrs: BTreeMap<Vec<u8>, Vec<u8>>,
    /// The first of all names of the same file.
    first_name: PathBuf,
}

/// Everything below a folder, by path, and with `""` the folder itself.
pub type Tree = BTreeMap<PathBuf, Entry>;

fn kind(meta: &fs::Metadata) -> &'static str {
    let kind = meta.file_type();
    match () {
        () if kind.is_file() => "file",
        () if kind.is_dir() => "folder",
        () if kind.is_symlink() => "link",
        () if kind.is_fifo() => "pipe",
        () if kind.is_socket() => "socket",
        () if kind.is_char_device() => "character device",
        () => "block device",
    }
}

fn xattrs(path: &Path) -> BTreeMap<Vec<u8>, Vec<u8>> {
    let mut names = vec![0; 1 << 16];
    let length = rustix::fs::llistxattr(path, &mut names[..]).unwrap_or(0);
    names[..length]
        .split(|c| *c == 0)
        .filter(|name| !name.is_empty())
        .map(|name| {
            let mut value = vec![0; 1 << 16];
            let length = rustix::fs::lgetxattr(path, name, &mut value[..]).unwrap();
            value.truncate(length);
            (name.to_vec(), value)
        })
        .collect()
}

/// Reads a tree. Contents are not touched, so that access times stay.
pub fn tree(root: &Path) -> Tree {
    let mut names: BTreeMap<(u64, u64), PathBuf> = BTreeMap::new();
    let mut paths = vec![PathBuf::new()];
    let mut open = vec![PathBuf::new()];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(root.join(&folder)).unwrap() {
            let entry = entry.unwrap();
            let path = folder.join(entry.file_name());
            if entry.file_type().unwrap().is_dir() {
                open.push(path.clone());
            }
            paths.push(path);
        }
    }
    paths.sort();
    paths
        .into_iter()
        .map(|path| {
            let full = root.join(&path);
            let meta = fs::symlink_metadata(&full).unwrap();
            let kind = kind(&meta);
            let first = names.entry((meta.dev(), meta.ino())).or_insert_with(|| path.clone());
            let entry = Entry {
                kind,
                mode: meta.mode() & 0o7777,
                owner: (meta.uid(), meta.gid()),
                modified: (meta.mtime(), meta.mtime_nsec()),
                accessed: (meta.atime(), meta.atime_nsec()),
                size: if kind == "file" { meta.len() } else { 0 },
                device: meta.rdev(),
                target: match kind {
                    "link" => fs::read_link(&full).unwrap().into_os_string().into_vec(),
                    _ => Vec::new(),
                },
                xattrs: xattrs(&full),
                first_name: first.clone(),
            };
            (path, entry)
        })
        .collect()
}

/// What differs between two folders, one line each; nothing when they are
/// equal. Access times of folders and links are left out: looking at them
/// changes them.
pub fn differences(ours: &Path, theirs: &Path) -> Vec<String> {
    compare(ours, theirs, true)
}

/// The same without the access times of files: the folders were read before.
pub fn differences_when_read(ours: &Path, theirs: &Path) -> Vec<String> {
    compare(ours, theirs, false)
}

fn compare(ours: &Path, theirs: &Path, are_unread: bool) -> Vec<String> {
    let (a, b) = (tree(ours), tree(theirs));
    let mut lines = Vec::new();
    let quoted = |path: &Path| restic::quote(path.as_os_str().as_bytes());
    for path in b.keys().filter(|path| !a.contains_key(*path)) {
        lines.push(format!("{}: only in the other", quoted(path)));
    }
    for (path, entry) in &a {
        let Some(other) = b.get(path) else {
            lines.push(format!("{}: not in the other", quoted(path)));
            continue;
        };
        if path.as_os_str().is_empty() {
            // The target itself is nobody's.
            continue;
        }
        let mut comparable = other.clone();
        if entry.kind != "file" || !are_unread {
            comparable.accessed = entry.accessed;
        }
        if *entry != comparable {
            lines.push(format!("{}: {entry:?} is {comparable:?}", quoted(path)));
        } else if entry.kind == "file" && !is_same_file(&ours.join(path), &theirs.join(path)) {
            lines.push(format!("{}: other contents", quoted(path)));
        }
    }
    lines
}

fn is_same_file(a: &Path, b: &Path) -> bool {
    let (mut a, mut b) = (fs::File::open(a).unwrap(), fs::File::open(b).unwrap());
    let (mut ours, mut theirs) = (vec![0; 1 << 16], vec![0; 1 << 16]);
    loop {
        let count = a.read(&mut ours).unwrap();
        if count == 0 {
            return b.read(&mut theirs).unwrap() == 0;
        }
        if b.read_exact(&mut theirs[..count]).is_err() || ours[..count] != theirs[..count] {
            return false;
        }
    }
}

/// Fails with all differences.
pub fn assert_equal(ours: &Path, theirs: &Path) {
    let differences = differences(ours, theirs);
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

//! What a folder holds: one entry each, as flat as restic stores it.

use serde_json::value::RawValue;

use super::Name;
use crate::{Id, Time};

/// One entry of a folder. Fields that do not apply to its kind are zero or
/// empty.
#[derive(Debug, Clone)]
pub struct Node {
    /// Its name in the folder.
    pub name: Name,
    /// What it is.
    pub kind: NodeKind,
    /// Permissions.
    pub mode: Mode,
    /// When its contents changed; this and the other times are
    /// [`Time::ZERO`] where they are unknown.
    pub modified: Time,
    /// When it was last read.
    pub accessed: Time,
    /// When its metadata changed.
    pub changed: Time,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Owner's name, where it was known.
    pub user: String,
    /// Group's name, where it was known.
    pub group: String,
    /// Inode number: with `device_id` it tells hard links of one file.
    pub inode: u64,
    /// Device it was read from.
    pub device_id: u64,
    /// Size of a file, in bytes.
    pub size: u64,
    /// Number of hard links.
    pub links: u64,
    /// Where a symbolic link points.
    pub link_target: LinkTarget,
    /// Extended attributes.
    pub xattrs: Vec<ExtendedAttribute>,
    /// Attributes of other systems, as JSON text.
    pub generic_attributes: Option<Box<RawValue>>,
    /// Device number of a device.
    pub device: u64,
    /// A file's data blobs in order; `Some` but empty for an empty file.
    pub content: Option<Vec<Id>>,
    /// A folder's tree.
    pub subtree: Option<Id>,
    /// What went wrong when it was backed up.
    pub error: String,
}

impl Node {
    /// A node with nothing but a name and a kind.
    #[must_use]
    pub const fn new(name: Name, kind: NodeKind) -> Self {
        Self {
            name,
            kind,
            mode: Mode(0),
            modified: Time::ZERO,
            accessed: Time::ZERO,
            changed: Time::ZERO,
            uid: 0,
            gid: 0,
            user: String::new(),
            group: String::new(),
            inode: 0,
            device_id: 0,
            size: 0,
            links: 0,
            link_target: LinkTarget::Exact(Vec::new()),
            xattrs: Vec::new(),
            generic_attributes: None,
            device: 0,
            content: None,
            subtree: None,
            error: String::new(),
        }
    }

    fn generic_text(&self) -> Option<&str> {
        self.generic_attributes.as_ref().map(|value| value.get())
    }
}

impl PartialEq for Node {
    fn eq(&self, other: &Self) -> bool {
        let plain = |node: &Self| {
            (
                (node.mode, node.modified, node.accessed, node.changed, node.uid, node.gid),
                (node.inode, node.device_id, node.size, node.links, node.device, node.subtree),
            )
        };
        plain(self) == plain(other)
            && self.name == other.name
            && self.kind == other.kind
            && self.user == other.user
            && self.group == other.group
            && self.link_target == other.link_target
            && self.xattrs == other.xattrs
            && self.generic_text() == other.generic_text()
            && self.content == other.content
            && self.error == other.error
    }
}

impl Eq for Node {}

/// What a node is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum NodeKind {
    /// A file.
    File,
    /// A folder.
    Dir,
    /// A symbolic link.
    Symlink,
    /// A block device.
    Device,
    /// A character device.
    CharDevice,
    /// A named pipe.
    Fifo,
    /// A socket.
    Socket,
    /// Something that restic could not name.
    Irregular,
    /// A kind that a newer restic knows.
    Other(Box<str>),
}

impl NodeKind {
    pub(super) fn from_text(text: &str) -> Self {
        match text {
            "file" => Self::File,
            "dir" => Self::Dir,
            "symlink" => Self::Symlink,
            "dev" => Self::Device,
            "chardev" => Self::CharDevice,
            "fifo" => Self::Fifo,
            "socket" => Self::Socket,
            "irregular" => Self::Irregular,
            other => Self::Other(other.into()),
        }
    }

    /// As trees spell it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::File => "file",
            Self::Dir => "dir",
            Self::Symlink => "symlink",
            Self::Device => "dev",
            Self::CharDevice => "chardev",
            Self::Fifo => "fifo",
            Self::Socket => "socket",
            Self::Irregular => "irregular",
            Self::Other(text) => text,
        }
    }
}

/// Permissions in the bit layout of Go's `os.FileMode`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Mode(u32);

impl Mode {
    const SETUID: u32 = 1 << 23;
    const SETGID: u32 = 1 << 22;
    const STICKY: u32 = 1 << 20;

    /// From the number in a tree.
    #[must_use]
    pub const fn from_bits(bits: u32) -> Self {
        Self(bits)
    }

    /// The number in a tree.
    #[must_use]
    pub const fn bits(self) -> u32 {
        self.0
    }

    /// What `chmod` takes: set-user-id, set-group-id, sticky and the nine
    /// permission bits.
    #[must_use]
    pub const fn permissions(self) -> u32 {
        let mut permissions = self.0 & 0o777;
        if self.0 & Self::SETUID != 0 {
            permissions |= 0o4000;
        }
        if self.0 & Self::SETGID != 0 {
            permissions |= 0o2000;
        }
        if self.0 & Self::STICKY != 0 {
            permissions |= 0o1000;
        }
        permissions
    }
}

/// Where a symbolic link points.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum LinkTarget {
    /// The exact bytes; empty where the node is no link.
    Exact(Vec<u8>),
    /// Older restic (0.14, for one) lost the bytes that were no UTF-8: each
    /// is U+FFFD.
    Mangled(String),
}

impl LinkTarget {
    /// The bytes to write into a link, as restic would.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Exact(bytes) => bytes,
            Self::Mangled(text) => text.as_bytes(),
        }
    }
}

impl Default for LinkTarget {
    fn default() -> Self {
        Self::Exact(Vec::new())
    }
}

/// An extended attribute.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ExtendedAttribute {
    /// Its name with its namespace.
    pub name: String,
    /// Its value; restic writes an absent one where it read none.
    pub value: Option<Vec<u8>>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn permissions_are_those_of_chmod() {
        for (bits, permissions) in [
            (0o644, 0o644),
            (1 << 31 | 1 << 20 | 0o777, 0o1777),
            (1 << 23 | 0o755, 0o4755),
            (1 << 22 | 0o755, 0o2755),
            (1 << 27 | 0o777, 0o777),
        ] {
            assert_eq!(Mode::from_bits(bits).permissions(), permissions);
        }
    }
}

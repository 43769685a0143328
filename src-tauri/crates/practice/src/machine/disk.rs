//! A machine's disk: a folder nothing of it can leave. Whatever a path says,
//! it is looked up by a capability to this folder alone.

use std::io::{self, Read as _, Write as _};
use std::path::{Component, Path, PathBuf};

use cap_std::ambient_authority;
use cap_std::fs::{Dir, OpenOptions};

/// The home folder of the one user there is.
const HOME: &str = "root";

/// A machine's disk.
#[derive(Debug)]
pub(crate) struct Disk {
    folder: Dir,
    root: PathBuf,
}

impl Disk {
    /// The folder is the machine's `/`.
    pub(crate) fn open(root: &Path) -> io::Result<Self> {
        let folder = Dir::open_ambient_dir(root, ambient_authority())?;
        folder.create_dir_all(HOME)?;
        Ok(Self { folder, root: root.canonicalize()? })
    }

    /// Writes a whole file, its folders included.
    pub(crate) fn write(&self, path: &[u8], content: &[u8]) -> io::Result<()> {
        let path = inside(path)?;
        if let Some(parent) = path.parent() {
            self.folder.create_dir_all(parent)?;
        }
        // A new file in place of the old one: a hard link to something else
        // is cut, never written through.
        let new = path.with_extension("new");
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        let _ = self.folder.remove_file(&new);
        let mut file = self.folder.open_with(&new, &options)?;
        file.write_all(content)?;
        drop(file);
        self.folder.rename(&new, &self.folder, &path)
    }

    /// Reads a whole file.
    pub(crate) fn read(&self, path: &[u8]) -> io::Result<Vec<u8>> {
        let mut content = Vec::new();
        self.folder.open(inside(path)?)?.read_to_end(&mut content)?;
        Ok(content)
    }

    /// Makes a folder and tells where it is on this computer, for a program of
    /// ours that writes into it. A symbolic link on the way is refused: that
    /// program would follow it.
    pub(crate) fn folder_for_program(&self, path: &[u8]) -> io::Result<PathBuf> {
        let path = inside(path)?;
        self.folder.create_dir_all(&path)?;
        let real = self.root.join(&path).canonicalize()?;
        if real != self.root.join(&path) {
            let message = "a symbolic link stands in the way";
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, message));
        }
        Ok(real)
    }
}

/// A path of the machine as a path below its root. `~` is its home.
fn inside(path: &[u8]) -> io::Result<PathBuf> {
    let refused = |why: &str| io::Error::new(io::ErrorKind::PermissionDenied, why.to_owned());
    let text = std::str::from_utf8(path).map_err(|_| refused("the path is no text"))?;
    if text.contains('\0') {
        return Err(refused("the path has a NUL"));
    }
    let text = match text.strip_prefix("~/") {
        Some(rest) => format!("{HOME}/{rest}"),
        None => text.trim_start_matches('/').to_owned(),
    };
    let mut path = PathBuf::new();
    for component in Path::new(&text).components() {
        match component {
            Component::Normal(part) => path.push(part),
            Component::CurDir => {}
            Component::ParentDir | Component::RootDir | Component::Prefix(_) => {
                return Err(refused("the path leaves the disk"));
            }
        }
    }
    // The kernel's own tree is none of a practice machine's.
    if path.starts_with("proc") || path.starts_with("sys") || path.starts_with("dev") {
        return Err(refused("the path is the kernel's"));
    }
    Ok(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn disk() -> (Disk, tempfile::TempDir) {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("root")).unwrap();
        std::fs::write(folder.path().join("outside"), "secret").unwrap();
        (Disk::open(&folder.path().join("root")).unwrap(), folder)
    }

    #[test]
    fn files_are_written_and_read_inside() {
        let (disk, folder) = disk();
        disk.write(b"/etc/deep/file", b"one").unwrap();
        disk.write(b"/etc/deep/file", b"two").unwrap();
        disk.write(b"~/.dumont/x", b"home").unwrap();
        assert_eq!(disk.read(b"/etc/deep/file").unwrap(), b"two");
        assert_eq!(std::fs::read(folder.path().join("root/root/.dumont/x")).unwrap(), b"home");
        let made = disk.folder_for_program(b"/workspace/a").unwrap();
        assert!(made.ends_with("root/workspace/a") && made.is_dir());
        assert_eq!(disk.folder_for_program(b"/").unwrap(), disk.root);
    }

    #[test]
    fn no_path_leaves_the_disk() {
        let (disk, folder) = disk();
        for path in [
            "../outside",
            "/../outside",
            "/a/../../outside",
            "~/../../outside",
            "/proc/self/environ",
            "/proc/1/root/etc/passwd",
            "/dev/mem",
            "/a\0b",
        ] {
            assert!(disk.read(path.as_bytes()).is_err(), "{path}");
            assert!(disk.write(path.as_bytes(), b"x").is_err(), "{path}");
            assert!(disk.folder_for_program(path.as_bytes()).is_err(), "{path}");
        }
        // An absolute path of this computer is a path below the root.
        let absolute = folder.path().join("outside");
        assert!(disk.read(absolute.to_str().unwrap().as_bytes()).is_err());
        assert_eq!(std::fs::read(folder.path().join("outside")).unwrap(), b"secret");
    }

    #[cfg(unix)]
    #[test]
    fn links_planted_inside_lead_nowhere() {
        use std::os::unix::fs::symlink;
        let (disk, folder) = disk();
        let root = folder.path().join("root");
        symlink(folder.path().join("outside"), root.join("file")).unwrap();
        symlink(folder.path(), root.join("folder")).unwrap();
        symlink("..", root.join("up")).unwrap();
        for path in ["/file", "/folder/outside", "/up/outside"] {
            assert!(disk.read(path.as_bytes()).is_err(), "{path}");
        }
        assert!(disk.write(b"/folder/new", b"x").is_err());
        assert!(disk.write(b"/up/new", b"x").is_err());
        assert!(disk.folder_for_program(b"/folder/target").is_err());
        assert!(disk.folder_for_program(b"/up").is_err());
        assert!(!folder.path().join("new").exists() && !folder.path().join("target").exists());
        // A symbolic link is replaced, not written through.
        disk.write(b"/file", b"x").unwrap();
        assert_eq!(std::fs::read(folder.path().join("outside")).unwrap(), b"secret");
        // So is a hard link.
        std::fs::hard_link(folder.path().join("outside"), root.join("hard")).unwrap();
        disk.write(b"/hard", b"x").unwrap();
        assert_eq!(std::fs::read(folder.path().join("outside")).unwrap(), b"secret");
    }
}

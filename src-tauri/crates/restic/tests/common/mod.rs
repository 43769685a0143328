//! Real restic binaries, and folders with everything odd that a file system
//! can hold. Binaries come from `RESTIC_BINARIES` (colon separated), else from
//! `PATH`; without any, a test says so and returns.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use restic::{Id, Key, KeyFile, KeyOwner, ScryptParams, Time};
use tempfile::TempDir;

/// The password of every repository made here.
pub const PASSWORD: &str = "pässword";

/// The binaries to test with; says so when there is none.
pub fn restics() -> Vec<PathBuf> {
    let found = match std::env::var_os("RESTIC_BINARIES") {
        Some(list) => std::env::split_paths(&list).collect(),
        None => std::env::var_os("PATH")
            .iter()
            .flat_map(std::env::split_paths)
            .map(|folder| folder.join("restic"))
            .find(|file| file.is_file())
            .into_iter()
            .collect::<Vec<_>>(),
    };
    if found.is_empty() {
        println!("SKIPPED: no restic on PATH and none in RESTIC_BINARIES");
    }
    found
}

/// A repository in a folder of its own, driven by a real restic.
pub struct Restic {
    binary: PathBuf,
    folder: TempDir,
    pub password: String,
}

impl Restic {
    /// An empty folder; nothing is a repository yet.
    pub fn new(binary: &Path) -> Self {
        Self {
            binary: binary.to_owned(),
            folder: tempfile::tempdir().unwrap(),
            password: PASSWORD.into(),
        }
    }

    /// A new repository, with the costly key that restic makes.
    pub fn init(binary: &Path, version: &str) -> Self {
        let restic = Self::new(binary);
        restic.run(["init", "--repository-version", version]);
        restic
    }

    /// A new repository whose key costs next to nothing, so that a test may
    /// run restic often.
    pub fn init_cheap(binary: &Path, version: &str) -> Self {
        let restic = Self::init(binary, version);
        let keys = restic.repository().join("keys");
        let [(name, json)] = files(&keys).try_into().unwrap();
        let file = KeyFile::parse(&json).unwrap();
        let key = file.open(restic.password.as_bytes()).unwrap();
        fs::remove_file(keys.join(name)).unwrap();
        restic.add_cheap_key(&key, PASSWORD);
        restic
    }

    /// Adds a key that costs next to nothing.
    pub fn add_cheap_key(&self, key: &Key, password: &str) {
        let owner =
            KeyOwner { created: Time::ZERO, username: "someone".into(), hostname: "laptop".into() };
        let params = ScryptParams::new(16, 8, 1).unwrap();
        let seed = u64::from(password.as_bytes()[0]);
        let salt = noise(64, seed).try_into().unwrap();
        let nonce = noise(16, seed + 1).try_into().unwrap();
        let file = KeyFile::create(key, password.as_bytes(), params, &salt, &nonce, owner).unwrap();
        let json = file.to_json().unwrap();
        fs::write(self.repository().join("keys").join(Id::of(&json).to_string()), json).unwrap();
    }

    pub fn repository(&self) -> PathBuf {
        self.folder.path().join("repository")
    }

    /// Does something while the index is hidden: restic does not know what is
    /// there, and stores it again.
    pub fn without_index(&self, work: impl FnOnce()) {
        let index = self.repository().join("index");
        let hidden = files(&index);
        for (name, _) in &hidden {
            fs::remove_file(index.join(name)).unwrap();
        }
        work();
        for (name, bytes) in hidden {
            fs::write(index.join(name), bytes).unwrap();
        }
    }

    /// A folder beside the repository.
    pub fn beside(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn command<I, S>(&self, args: I) -> Command
    where
        I: IntoIterator<Item = S>,
        S: AsRef<OsStr>,
    {
        let mut command = Command::new(&self.binary);
        command
            .args(args)
            .current_dir(self.folder.path())
            .env_clear()
            .env("HOME", self.folder.path())
            .env("TZ", "America/Sao_Paulo")
            .env("RESTIC_REPOSITORY", self.repository())
            .env("RESTIC_PASSWORD", &self.password)
            .env("RESTIC_CACHE_DIR", self.beside("restic-cache"));
        command
    }

    pub fn output<I, S>(&self, args: I) -> Output
    where
        I: IntoIterator<Item = S>,
        S: AsRef<OsStr>,
    {
        self.command(args).output().unwrap()
    }

    /// Runs restic, which must succeed, and returns its standard output.
    pub fn run<I, S>(&self, args: I) -> Vec<u8>
    where
        I: IntoIterator<Item = S>,
        S: AsRef<OsStr>,
    {
        let args: Vec<OsString> = args.into_iter().map(|arg| arg.as_ref().to_owned()).collect();
        let output = self.output(&args);
        assert!(
            output.status.success(),
            "{} {args:?}: {}{}",
            self.binary.display(),
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
        output.stdout
    }

    pub fn json<I, S>(&self, args: I) -> serde_json::Value
    where
        I: IntoIterator<Item = S>,
        S: AsRef<OsStr>,
    {
        serde_json::from_slice(&self.run(args)).unwrap()
    }

    /// Adds a key with another password, as `restic key add` does.
    pub fn add_key(&self, password: &str) {
        let file = self.beside("new-password");
        fs::write(&file, password).unwrap();
        self.run([
            OsStr::new("key"),
            "add".as_ref(),
            "--new-password-file".as_ref(),
            file.as_ref(),
        ]);
    }
}

/// Every file below a folder of the repository, by name.
pub fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            found.push((name, fs::read(path).unwrap()));
        }
    }
    found.sort();
    found
}

/// Bytes that do not compress and repeat from run to run.
pub fn noise(len: usize, seed: u64) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    (0..len)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 32) as u8
        })
        .collect()
}

/// Names that survive only if bytes are kept as bytes and quoted as Go does.
pub fn odd_names() -> Vec<Vec<u8>> {
    let mut names: Vec<Vec<u8>> = [
        "plain.txt",
        "with space",
        " leading and trailing ",
        "quote\"back\\slash'single`grave",
        "new\nline\ttab\rreturn",
        "bell\x07back\x08form\x0cvertical\x0besc\x1bdel\x7f",
        "<html>&amp;",
        "caf\u{e9} \u{4e16}\u{754c} \u{1f600}",
        "combining e\u{301}",
        "no-break\u{a0}soft\u{ad}hyphen",
        "zero\u{200b}width\u{200f}mark\u{202e}override",
        "line\u{2028}paragraph\u{2029}separator",
        "mark\u{feff}replacement\u{fffd}",
        "private\u{e000}tag\u{e0001}last\u{10ffff}",
        "ideographic\u{3000}space",
        "\\x41 looks quoted",
        "...",
        "-dash",
        "*?[glob]",
    ]
    .into_iter()
    .map(|name| name.as_bytes().to_vec())
    .collect();
    names.push(b"latin1 \xe9\xff".to_vec());
    names.push(b"cut off \xe2\x82".to_vec());
    names.push(b"surrogate \xed\xa0\x80".to_vec());
    names.push(vec![b'n'; 255]);
    names
}

/// Fills a folder with odd names, links, empty things, modes, attributes.
pub fn fill_odd(folder: &Path) {
    fs::create_dir_all(folder).unwrap();
    let names = folder.join("names");
    fs::create_dir(&names).unwrap();
    for (i, name) in odd_names().into_iter().enumerate() {
        fs::write(names.join(OsString::from_vec(name)), noise(i * 100, i as u64)).unwrap();
    }
    let odd_folder = folder.join(OsStr::from_bytes(b"folder \xff\n\"\\"));
    fs::create_dir(&odd_folder).unwrap();
    fs::write(odd_folder.join("inside"), b"inside").unwrap();

    fs::write(folder.join("empty file"), b"").unwrap();
    fs::create_dir(folder.join("empty folder")).unwrap();
    fs::write(folder.join("text"), "all work and no play ".repeat(50_000)).unwrap();
    fs::write(folder.join("large"), noise(2 << 20, 7)).unwrap();
    fs::write(folder.join("duplicate"), noise(2 << 20, 7)).unwrap();

    symlink("text", folder.join("link to text")).unwrap();
    symlink("nowhere/at all", folder.join("dangling link")).unwrap();
    symlink("/etc/<&>\u{2028}", folder.join("absolute link")).unwrap();
    symlink(OsStr::from_bytes(b"latin1 \xe9\xff\xe2\x82"), folder.join("latin1 link")).unwrap();

    fs::create_dir(folder.join("hard")).unwrap();
    fs::write(folder.join("hard/one"), noise(5000, 8)).unwrap();
    fs::hard_link(folder.join("hard/one"), folder.join("hard/two")).unwrap();
    fs::hard_link(folder.join("hard/one"), folder.join("three")).unwrap();

    let mode = |name: &str, bits| {
        let path = folder.join(name);
        fs::write(&path, name).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(bits)).unwrap();
    };
    mode("set user id", 0o4755);
    mode("set group id", 0o2750);
    mode("no permissions", 0o000);
    let sticky = folder.join("sticky");
    fs::create_dir(&sticky).unwrap();
    fs::set_permissions(&sticky, fs::Permissions::from_mode(0o1777)).unwrap();

    let old = std::time::SystemTime::UNIX_EPOCH - std::time::Duration::from_nanos(1_500_000_001);
    let file = fs::File::create(folder.join("older than 1970")).unwrap();
    file.set_modified(old).unwrap();

    let fifo = rustix::fs::FileType::Fifo;
    rustix::fs::mknodat(rustix::fs::CWD, folder.join("pipe"), fifo, 0o600.into(), 0).unwrap();
    drop(std::os::unix::net::UnixListener::bind(folder.join("socket")).unwrap());

    let attributed = folder.join("attributed");
    fs::write(&attributed, b"attributed").unwrap();
    for (name, value) in
        [("user.plain", &b"value"[..]), ("user.bytes", b"\x00\xff"), ("user.none", b"")]
    {
        let flags = rustix::fs::XattrFlags::empty();
        match rustix::fs::setxattr(&attributed, name, value, flags) {
            Ok(()) => {}
            Err(rustix::io::Errno::NOTSUP) => println!("SKIPPED: attributes, not on this disk"),
            Err(error) => panic!("{error}"),
        }
    }

    let mut deep = folder.join("deep");
    for level in 0..20 {
        deep.push(format!("level {level}"));
    }
    fs::create_dir_all(&deep).unwrap();
    fs::write(deep.join("bottom"), b"bottom").unwrap();
}

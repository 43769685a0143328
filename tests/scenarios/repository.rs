//! A small restic repository, written by hand in a folder.

use std::fs;
use std::path::Path;

use restic::{
    BlobKind, Config, Id, Index, IndexedPack, Key, KeyFile, KeyOwner, Mode, Name, Node, NodeKind,
    PackBuilder, Polynomial, ScryptParams, Snapshot, Time, Tree, Version,
};

pub const PASSWORD: &str = "password";
pub const FILES: u64 = 3;
pub const BYTES: u64 = 1_006_000;
pub const CRITICAL_BYTES: u64 = 6_000;

struct Writer<'a> {
    folder: &'a Path,
    nonce: u8,
}

impl Writer<'_> {
    fn nonce(&mut self) -> [u8; 16] {
        self.nonce += 1;
        [self.nonce; 16]
    }

    fn put(&self, folder: &str, bytes: &[u8]) -> Id {
        let id = Id::of(bytes);
        let name = id.to_string();
        let mut path = self.folder.join(folder);
        if folder == "data" {
            path = path.join(&name[..2]);
        }
        fs::create_dir_all(&path).unwrap();
        fs::write(path.join(name), bytes).unwrap();
        id
    }
}

/// The key under the password.
pub fn key() -> Key {
    Key::from_bytes(&[7; 64])
}

/// One more snapshot of the same files, of these paths and tags.
pub fn add_snapshot(folder: &Path, paths: &[&str], tags: &[&str]) {
    let first = fs::read_dir(folder.join("snapshots")).unwrap().next().unwrap().unwrap().path();
    let first = Snapshot::open(&key(), &fs::read(first).unwrap()).unwrap();
    let own = |texts: &[&str]| texts.iter().map(ToString::to_string).collect();
    let snapshot = Snapshot { paths: own(paths), tags: own(tags), ..first };
    let writer = Writer { folder, nonce: 0 };
    writer.put("snapshots", &snapshot.seal(&key(), &[99; 16], Version::Two).unwrap());
}

/// `/workspace/{code/{a,b},model}`; code is the critical part.
pub fn write(folder: &Path) {
    let mut writer = Writer { folder, nonce: 0 };
    let version = Version::Two;
    let key = key();
    let owner = KeyOwner {
        created: "2026-11-23T12:00:00Z".parse().unwrap(),
        username: "someone".into(),
        hostname: "laptop".into(),
    };
    // As cheap as the format allows: every scenario opens it.
    let params = ScryptParams::new(2, 1, 1).unwrap();
    let nonce = writer.nonce();
    let key_file =
        KeyFile::create(&key, PASSWORD.as_bytes(), params, &[9; 64], &nonce, owner).unwrap();
    writer.put("keys", &key_file.to_json().unwrap());
    let mut state = 1u64;
    let polynomial = Polynomial::random(|| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        state
    })
    .unwrap();
    let config = Config { version, id: Id::of(b"scenario"), chunker_polynomial: polynomial };
    let nonce = writer.nonce();
    fs::write(folder.join("config"), config.seal(&key, &nonce).unwrap()).unwrap();

    let mut data = PackBuilder::new(&key, version);
    let mut file = |writer: &mut Writer<'_>, name: &str, size: usize| {
        let content = vec![name.as_bytes()[0]; size];
        let blob = data.add(BlobKind::Data, &content, &writer.nonce()).unwrap();
        Node {
            mode: Mode::from_bits(0o644),
            size: size as u64,
            links: 1,
            content: Some(vec![blob.id]),
            ..Node::new(Name::new(name.as_bytes()).unwrap(), NodeKind::File)
        }
    };
    let a = file(&mut writer, "a", 2_000);
    let b = file(&mut writer, "b", 4_000);
    let model = file(&mut writer, "model", 1_000_000);
    let nonce = writer.nonce();
    let data = data.finish(&nonce).unwrap();
    let dir = |name: &str, tree: &Tree| Node {
        mode: Mode::from_bits(1 << 31 | 0o755),
        subtree: Some(tree.id()),
        ..Node::new(Name::new(name.as_bytes()).unwrap(), NodeKind::Dir)
    };
    let code = Tree { nodes: vec![a, b] };
    let workspace = Tree { nodes: vec![dir("code", &code), model] };
    let root = Tree { nodes: vec![dir("workspace", &workspace)] };
    let mut trees = PackBuilder::new(&key, version);
    for tree in [&code, &workspace, &root] {
        trees.add(BlobKind::Tree, &tree.to_json(), &writer.nonce()).unwrap();
    }
    let nonce = writer.nonce();
    let trees = trees.finish(&nonce).unwrap();
    let packs = [data, trees].map(|pack| {
        writer.put("data", &pack.bytes);
        IndexedPack { id: pack.id, blobs: pack.blobs }
    });
    let index = Index { supersedes: Vec::new(), packs: packs.into() };
    let nonce = writer.nonce();
    writer.put("index", &index.seal(&key, &nonce, version).unwrap());
    let time: Time = "2026-11-23T09:00:00Z".parse().unwrap();
    let snapshot = Snapshot {
        time,
        parent: None,
        tree: root.id(),
        paths: vec!["/workspace".into()],
        hostname: "laptop".into(),
        username: "someone".into(),
        uid: 0,
        gid: 0,
        excludes: Vec::new(),
        tags: vec!["dumont:default".into()],
        original: None,
        program_version: String::new(),
        summary: None,
    };
    let nonce = writer.nonce();
    writer.put("snapshots", &snapshot.seal(&key, &nonce, version).unwrap());
}

//! The format against real restic: what restic wrote is read and written back
//! to the same ids, and what this crate wrote restic accepts.
#![cfg(unix)]
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on fails")]

#[expect(dead_code, reason = "shared with other crates' tests")]
mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use common::{PASSWORD, Restic, files, fill_odd, noise};
use restic::{
    BlobEntry, BlobKind, Config, Error, Id, Index, IndexedPack, Key, KeyFile, KeyOwner, Mode, Name,
    Node, NodeKind, PackBuilder, PackHeader, Polynomial, ScryptParams, Snapshot, Time, Tree,
    Version,
};

/// Everything in a repository, read with this crate alone.
struct Read {
    key: Key,
    config: Config,
    snapshots: BTreeMap<String, Snapshot>,
    blobs: BTreeMap<Id, (BlobKind, Vec<u8>)>,
}

fn read(repository: &Path, password: &str) -> Read {
    let key = files(&repository.join("keys"))
        .into_iter()
        .find_map(|(name, json)| {
            assert_eq!(Id::of(&json).to_string(), name);
            KeyFile::parse(&json).unwrap().open(password.as_bytes()).ok()
        })
        .expect("a key opens");
    let config = Config::open(&key, &fs::read(repository.join("config")).unwrap()).unwrap();

    let packs: BTreeMap<String, Vec<u8>> = files(&repository.join("data")).into_iter().collect();
    let mut indexed = BTreeMap::new();
    let mut superseded = BTreeSet::new();
    for (name, sealed) in files(&repository.join("index")) {
        assert_eq!(Id::of(&sealed).to_string(), name);
        let index = Index::open(&key, &sealed).unwrap();
        assert_eq!(Index::parse(&index.to_json().unwrap()).unwrap(), index);
        superseded.extend(index.supersedes);
        indexed.extend(index.packs.into_iter().map(|pack| (pack.id, pack.blobs)));
    }

    let mut blobs = BTreeMap::new();
    for (name, bytes) in packs {
        let id = Id::of(&bytes);
        assert_eq!(id.to_string(), name);
        let header = PackHeader::open(&key, &bytes).unwrap();
        let mut listed = indexed.remove(&id).expect("every pack is indexed");
        listed.sort_by_key(|blob| blob.offset);
        assert_eq!(header.blobs, listed);
        for blob in header.blobs {
            let (from, to) = (blob.offset as usize, (blob.offset + blob.length) as usize);
            let mut sealed = bytes[from..to].to_vec();
            let contents = blob.open(&key, &mut sealed).unwrap().into_owned();
            assert_eq!(contents.len(), blob.contents_length() as usize);
            blobs.insert(blob.id, (blob.kind, contents));
        }
    }
    assert!(indexed.is_empty(), "the index names packs that are not there");

    let snapshots = files(&repository.join("snapshots"))
        .into_iter()
        .map(|(name, sealed)| {
            assert_eq!(Id::of(&sealed).to_string(), name);
            let snapshot = Snapshot::open(&key, &sealed).unwrap();
            assert_eq!(Snapshot::parse(&snapshot.to_json().unwrap()).unwrap(), snapshot);
            (name, snapshot)
        })
        .collect();
    Read { key, config, snapshots, blobs }
}

/// Every tree is written back to the id it has, also when each name is quoted
/// afresh.
fn check_trees(read: &Read) -> usize {
    let mut trees = 0;
    for (id, (kind, contents)) in &read.blobs {
        if *kind != BlobKind::Tree {
            continue;
        }
        trees += 1;
        let mut tree = Tree::parse(contents).unwrap();
        let written = tree.to_json();
        assert_eq!(String::from_utf8_lossy(&written), String::from_utf8_lossy(contents));
        assert_eq!(Id::of(&written), *id);
        for node in &mut tree.nodes {
            node.name = Name::new(node.name.as_bytes()).unwrap();
        }
        assert_eq!(tree.id(), *id, "a name is quoted in another way");
    }
    trees
}

#[test]
fn repositories_that_restic_made_are_read_in_full() {
    for binary in common::restics() {
        for (version, compression) in [("1", "off"), ("2", "off"), ("2", "auto"), ("2", "max")] {
            let restic = Restic::init_cheap(&binary, version);
            let source = restic.beside("source");
            fill_odd(&source);
            let backup = |tag: &str| {
                let args = ["backup", "--compression", compression, "--tag", tag];
                let mut args: Vec<_> = args.iter().map(std::ffi::OsStr::new).collect();
                args.push(source.as_ref());
                restic.run(args);
            };
            backup("first");
            fs::write(source.join("large"), noise(2 << 20, 9)).unwrap();
            fs::remove_dir_all(source.join("deep")).unwrap();
            backup("second,third");

            let before = read(&restic.repository(), PASSWORD);
            let expected = if version == "1" { Version::One } else { Version::Two };
            assert_eq!(before.config.version, expected);
            assert!(check_trees(&before) > 20);
            check_snapshots(&restic, &before);
            for (id, (_, contents)) in before.blobs.iter().take(10) {
                let id = id.to_string();
                assert!(restic.run(["cat", "blob", &id]) == *contents, "blob {id}");
            }
            restic.run(["forget", "--keep-last", "1", "--prune"]);
            let after = read(&restic.repository(), PASSWORD);
            assert_eq!(after.snapshots.len(), 1);
            assert!(after.blobs.len() < before.blobs.len());
            check_trees(&after);
        }
    }
}

fn check_snapshots(restic: &Restic, read: &Read) {
    let listed = restic.json(["snapshots", "--json"]);
    let listed = listed.as_array().unwrap();
    assert_eq!(listed.len(), read.snapshots.len());
    for theirs in listed {
        let ours = &read.snapshots[theirs["id"].as_str().unwrap()];
        let ours: serde_json::Value = serde_json::from_slice(&ours.to_json().unwrap()).unwrap();
        for (field, value) in ours.as_object().unwrap() {
            assert_eq!(&theirs[field], value, "{field}");
        }
        let unknown: Vec<_> = theirs
            .as_object()
            .unwrap()
            .keys()
            .filter(|field| !["id", "short_id"].contains(&field.as_str()))
            .filter(|field| ours.get(field).is_none())
            .collect();
        assert!(unknown.is_empty(), "{unknown:?}");
    }
}

#[test]
fn each_password_opens_its_own_key_and_all_the_same_data() {
    for binary in common::restics() {
        let restic = Restic::init(&binary, "2");
        restic.add_key("another password");
        let one = read(&restic.repository(), PASSWORD);
        let other = read(&restic.repository(), "another password");
        assert_eq!(other.key.to_json(), one.key.to_json());
        for (_, json) in files(&restic.repository().join("keys")) {
            let opened = KeyFile::parse(&json).unwrap().open(b"wrong");
            assert_eq!(opened.unwrap_err(), Error::WrongPassword);
        }
    }
}

/// A nonce that was not used yet.
struct Nonces(u8);

impl Nonces {
    fn next(&mut self) -> [u8; 16] {
        self.0 += 1;
        [self.0; 16]
    }
}

fn put(repository: &Path, folder: &str, bytes: &[u8]) -> Id {
    let id = Id::of(bytes);
    let name = id.to_string();
    let folder = repository.join(folder);
    let folder = if folder.ends_with("data") { folder.join(&name[..2]) } else { folder };
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join(name), bytes).unwrap();
    id
}

/// Writes a whole repository: a folder with two files and a folder.
fn write_repository(repository: &Path, version: Version) -> Id {
    let mut nonces = Nonces(0);
    let key = Key::from_bytes(noise(64, 1).as_slice().try_into().unwrap());
    let owner = KeyOwner {
        created: "2026-11-23T12:00:00Z".parse().unwrap(),
        username: "someone".into(),
        hostname: "laptop".into(),
    };
    let salt = noise(64, 2).try_into().unwrap();
    let params = ScryptParams::DEFAULT;
    let key_file =
        KeyFile::create(&key, PASSWORD.as_bytes(), params, &salt, &nonces.next(), owner).unwrap();
    put(repository, "keys", &key_file.to_json().unwrap());

    let mut random = noise(8 * 1000, 3).into_iter();
    let polynomial =
        Polynomial::random(|| u64::from_le_bytes(std::array::from_fn(|_| random.next().unwrap())))
            .unwrap();
    let config = Config { version, id: Id::of(b"a random id"), chunker_polynomial: polynomial };
    fs::write(repository.join("config"), config.seal(&key, &nonces.next()).unwrap()).unwrap();

    let mut data = PackBuilder::new(&key, version);
    let text = "all work and no play ".repeat(1000).into_bytes();
    let bytes = noise(100_000, 4);
    let text_blob = data.add(BlobKind::Data, &text, &nonces.next()).unwrap();
    let bytes_blob = data.add(BlobKind::Data, &bytes, &nonces.next()).unwrap();
    assert_eq!(text_blob.raw_length.is_some(), version == Version::Two);
    let data = data.finish(&nonces.next()).unwrap();

    let time: Time = "2026-11-23T09:00:00.123456789-03:00".parse().unwrap();
    let file = |name: &[u8], size: usize, blobs: &[BlobEntry]| Node {
        mode: Mode::from_bits(0o640),
        modified: time,
        size: size as u64,
        links: 1,
        content: Some(blobs.iter().map(|blob| blob.id).collect()),
        ..Node::new(Name::new(name).unwrap(), NodeKind::File)
    };
    let folder = |name: &[u8], tree: &Tree| Node {
        mode: Mode::from_bits(1 << 31 | 0o755),
        modified: time,
        subtree: Some(tree.id()),
        ..Node::new(Name::new(name).unwrap(), NodeKind::Dir)
    };
    let empty = Tree::default();
    let inner = Tree {
        nodes: vec![
            file(b"both \xff\n\"", text.len() + bytes.len(), &[text_blob, bytes_blob]),
            folder(b"empty", &empty),
            file(b"empty file", 0, &[]),
            file(b"text", text.len(), &[text_blob]),
        ],
    };
    let root = Tree { nodes: vec![folder(b"workspace", &inner)] };
    let mut trees = PackBuilder::new(&key, version);
    for tree in [&empty, &inner, &root] {
        trees.add(BlobKind::Tree, &tree.to_json(), &nonces.next()).unwrap();
    }
    let trees = trees.finish(&nonces.next()).unwrap();

    let packs = [data, trees].map(|pack| {
        assert_eq!(put(repository, "data", &pack.bytes), pack.id);
        IndexedPack { id: pack.id, blobs: pack.blobs }
    });
    let index = Index { supersedes: Vec::new(), packs: packs.into() };
    put(repository, "index", &index.seal(&key, &nonces.next(), version).unwrap());

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
    put(repository, "snapshots", &snapshot.seal(&key, &nonces.next(), version).unwrap())
}

#[test]
fn restic_accepts_a_repository_written_here() {
    for binary in common::restics() {
        for version in [Version::One, Version::Two] {
            let restic = Restic::new(&binary);
            let id = write_repository(&restic.repository(), version).to_string();

            restic.run(["check", "--read-data"]);
            let listed = restic.json(["snapshots", "--json"]);
            assert_eq!(listed[0]["id"], id.as_str());
            assert_eq!(listed[0]["tags"][0], "dumont:default");

            let target = restic.beside("target");
            restic.run(["restore".as_ref(), id.as_ref(), "--target".as_ref(), target.as_os_str()]);
            let workspace = target.join("workspace");
            let text = "all work and no play ".repeat(1000).into_bytes();
            assert_eq!(fs::read(workspace.join("text")).unwrap(), text);
            let odd =
                <std::ffi::OsStr as std::os::unix::ffi::OsStrExt>::from_bytes(b"both \xff\n\"");
            let both = fs::read(workspace.join(odd)).unwrap();
            assert!(both == [text, noise(100_000, 4)].concat());
            assert_eq!(fs::read(workspace.join("empty file")).unwrap(), b"");
            assert!(workspace.join("empty").is_dir());

            // And restic goes on with it.
            restic.run(["backup".as_ref(), target.as_os_str()]);
            restic.run(["forget", "--keep-last", "1", "--prune", "--group-by", ""]);
            restic.run(["check", "--read-data"]);
        }
    }
}

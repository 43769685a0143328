//! A snapshot of a million files, browsed folder by folder.

use std::collections::BTreeSet;

use repository::{Credentials, OpenOptions, Repository};
use restic::{
    BlobKind, Id, Index, IndexedPack, Key, KeyFile, KeyOwner, Mode, Name, Node, NodeKind,
    PackBuilder, ScryptParams, Snapshot, Time, Tree, Version,
};

use crate::bucket::Bucket;

/// Folders, files in each.
const SHAPE: (usize, usize) = (1_000, 1_000);
/// Trees go into a new pack when one is this long, in bytes.
const PACK: usize = 256 << 10;

fn node(name: &str, kind: NodeKind) -> Node {
    Node { mode: Mode::from_bits(0o644), ..Node::new(Name::new(name.as_bytes()).unwrap(), kind) }
}

/// Fills the bucket without restic: a million files would take it minutes.
fn fill(bucket: &Bucket) -> Id {
    let key = Key::from_bytes(&[5; 64]);
    let mut nonce = 0u128;
    let mut next = || {
        nonce += 1;
        nonce.to_be_bytes()
    };
    let put = |folder: &str, bytes: Vec<u8>| {
        let id = Id::of(&bytes);
        let name = match folder {
            "data" => format!("data/{:.2}/{id}", id.to_string()),
            folder => format!("{folder}/{id}"),
        };
        bucket.put(&format!("/workspace/{name}"), bytes);
        id
    };
    let owner = KeyOwner { created: Time::ZERO, username: "a".into(), hostname: "b".into() };
    let cheap = ScryptParams::new(16, 8, 1).unwrap();
    let key_file = KeyFile::create(&key, b"password", cheap, &[1; 64], &next(), owner).unwrap();
    put("keys", key_file.to_json().unwrap());
    let config = restic::Config {
        version: Version::Two,
        id: Id::of(b"large"),
        chunker_polynomial: "3da3358b4dc173".parse().unwrap(),
    };
    bucket.put("/workspace/config", config.seal(&key, &next()).unwrap());

    let mut packs = Vec::new();
    let mut pack = PackBuilder::new(&key, Version::Two);
    let mut folders = Vec::new();
    for folder in 0..SHAPE.0 {
        let files = (0..SHAPE.1)
            .map(|n| Node {
                content: Some(Vec::new()),
                ..node(&format!("file {folder:03} {n:03}"), NodeKind::File)
            })
            .collect();
        let tree = Tree { nodes: files };
        pack.add(BlobKind::Tree, &tree.to_json(), &next()).unwrap();
        let name = format!("folder {folder:03}");
        folders.push(Node { subtree: Some(tree.id()), ..node(&name, NodeKind::Dir) });
        if pack.len() > PACK {
            let full = std::mem::replace(&mut pack, PackBuilder::new(&key, Version::Two));
            packs.push(full.finish(&next()).unwrap());
        }
    }
    packs.push(pack.finish(&next()).unwrap());
    let root = Tree { nodes: folders };
    let mut last = PackBuilder::new(&key, Version::Two);
    last.add(BlobKind::Tree, &root.to_json(), &next()).unwrap();
    packs.push(last.finish(&next()).unwrap());
    let packs = packs
        .into_iter()
        .map(|pack| {
            assert_eq!(put("data", pack.bytes), pack.id);
            IndexedPack { id: pack.id, blobs: pack.blobs }
        })
        .collect();
    let index = Index { supersedes: Vec::new(), packs };
    put("index", index.seal(&key, &next(), Version::Two).unwrap());
    let snapshot = format!(r#"{{"time":"2026-01-01T00:00:00Z","tree":"{}"}}"#, root.id());
    let snapshot = Snapshot::parse(snapshot.as_bytes()).unwrap();
    put("snapshots", snapshot.seal(&key, &next(), Version::Two).unwrap());
    root.id()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_million_files_are_browsed_folder_by_folder() {
    let bucket = Bucket::default();
    let root = fill(&bucket);
    let credentials = Credentials {
        access_key_id: "key-id".into(),
        secret_access_key: "secret".to_owned().into(),
        session_token: None,
        region: None,
    };
    let cache = tempfile::tempdir().unwrap();
    let options = OpenOptions {
        cache_dir: Some(cache.path().to_owned()),
        http_connector: Some(bucket.connector()),
    };
    let location = "s3:https://host/workspace".parse().unwrap();
    let password = "password".to_owned().into();
    let open = async || {
        Repository::open(&location, Some(&credentials), &password, &options).await.unwrap()
    };
    let repository = open().await;
    bucket.requests();
    let packs_asked = || {
        let requests = bucket.requests();
        requests
            .iter()
            .filter(|one| one.uri.contains("/data/"))
            .map(|one| one.uri.clone())
            .collect()
    };
    let folders = repository.list(root).await.unwrap();
    assert_eq!(folders.nodes.len(), SHAPE.0);
    let asked: BTreeSet<String> = packs_asked();
    assert_eq!(asked.len(), 1, "the root's pack and no other");

    let one = repository.list(folders.nodes[500].subtree.unwrap()).await.unwrap();
    assert_eq!(one.nodes.len(), SHAPE.1);
    let found = repository.find(root, "folder 500/file 500 007").await.unwrap();
    assert_eq!(found.as_ref(), one.nodes.get(7));
    let asked: BTreeSet<String> = packs_asked();
    assert_eq!(asked.len(), 1, "the folder's pack and no other");
    let all = repository.index().await.unwrap().packs().len();
    assert!(all > 4, "{all}");

    // The next time nothing is fetched at all.
    let repository = open().await;
    bucket.requests();
    repository.list(root).await.unwrap();
    repository.list(folders.nodes[500].subtree.unwrap()).await.unwrap();
    let asked: BTreeSet<String> = packs_asked();
    assert_eq!(asked.len(), 0);
}

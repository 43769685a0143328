//! Repositories in local folders that real restic made, and restic's view of a
//! repository that was created here.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::common::{PASSWORD, Restic, files, fill_odd, noise, restics};
use model::{At, Code, SnapshotSelector};
use repository::{
    Counts, Creator, FileName, OpenOptions, Repository, RepositoryError, Resolved, TreeSet,
};
use restic::{Id, Key, KeyFile, NodeKind};
use secrecy::SecretString;

fn options(cache: &Path) -> OpenOptions {
    OpenOptions { cache_dir: Some(cache.to_owned()), ..OpenOptions::default() }
}

async fn open_as(
    restic: &Restic,
    password: &str,
    options: &OpenOptions,
) -> Result<Repository, RepositoryError> {
    let location = restic.repository().to_str().unwrap().parse().unwrap();
    Repository::open(&location, None, &password.to_owned().into(), options).await
}

async fn open(restic: &Restic) -> Repository {
    open_as(restic, PASSWORD, &options(&restic.beside("cache"))).await.unwrap()
}

async fn select(repository: &Repository, selector: &str) -> Result<Resolved, RepositoryError> {
    repository.resolve(&selector.parse().unwrap(), "muse", &[]).await
}

async fn latest(repository: &Repository) -> Resolved {
    select(repository, "latest").await.unwrap()
}

fn backup(restic: &Restic, folder: &Path, options: &[&str]) {
    let args = [OsStr::new("backup"), folder.as_os_str()];
    restic.run(args.into_iter().chain(options.iter().map(OsStr::new)));
}

/// Some folders of a few files; small, for tests where the contents matter
/// little.
fn fill_small(folder: &Path) {
    for name in ["models", "notes/deep"] {
        fs::create_dir_all(folder.join(name)).unwrap();
    }
    fs::write(folder.join("models/unet"), noise(300_000, 1)).unwrap();
    fs::write(folder.join("notes/deep/todo"), "nothing").unwrap();
}

fn path_below(folder: &Path, name: &str) -> String {
    folder.join(name).to_str().unwrap().to_owned()
}

#[derive(Debug, PartialEq, Eq)]
struct Listed {
    kind: String,
    mode: u64,
    uid: u64,
    gid: u64,
    size: u64,
    modified: String,
}

/// Every entry below the root by its path, as `restic ls` prints it: bytes
/// that are no UTF-8 become U+FFFD.
fn entries(trees: &TreeSet) -> BTreeMap<String, Vec<Listed>> {
    let mut all: BTreeMap<String, Vec<Listed>> = BTreeMap::new();
    let mut open = vec![(String::new(), trees.root)];
    while let Some((above, tree)) = open.pop() {
        for node in &trees.get(&tree).unwrap().nodes {
            let name: String = node
                .name
                .as_bytes()
                .utf8_chunks()
                .flat_map(|chunk| {
                    let lost = "\u{fffd}".repeat(chunk.invalid().len());
                    [chunk.valid().to_owned(), lost]
                })
                .collect();
            let path = format!("{above}/{name}");
            open.extend(node.subtree.map(|tree| (path.clone(), tree)));
            let is_file = node.kind == NodeKind::File;
            all.entry(path).or_default().push(Listed {
                kind: node.kind.as_str().into(),
                mode: node.mode.bits().into(),
                uid: node.uid.into(),
                gid: node.gid.into(),
                size: if is_file { node.size } else { 0 },
                modified: node.modified.to_string(),
            });
        }
    }
    all
}

fn entries_of_restic(restic: &Restic, snapshot: &str) -> BTreeMap<String, Vec<Listed>> {
    let mut all: BTreeMap<String, Vec<Listed>> = BTreeMap::new();
    for line in String::from_utf8(restic.run(["ls", "--json", snapshot])).unwrap().lines() {
        let node: serde_json::Value = serde_json::from_str(line).unwrap();
        if node["struct_type"] != "node" {
            continue;
        }
        let number = |field: &str| node[field].as_u64().unwrap_or_default();
        all.entry(node["path"].as_str().unwrap().into()).or_default().push(Listed {
            kind: node["type"].as_str().unwrap().into(),
            mode: number("mode"),
            uid: number("uid"),
            gid: number("gid"),
            size: number("size"),
            modified: node["mtime"].as_str().unwrap().into(),
        });
    }
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_is_seen_as_restic_sees_it() {
    for binary in restics() {
        for (version, compression) in [("1", "off"), ("2", "max")] {
            let restic = Restic::init_cheap(&binary, version);
            let source = restic.beside("source");
            fill_odd(&source);
            backup(&restic, &source, &["--compression", compression]);
            fs::write(source.join("large"), noise(1 << 20, 9)).unwrap();
            backup(&restic, &source, &["--compression", compression]);
            restic.run(["forget", "--keep-last", "1", "--prune"]);

            let repository = open(&restic).await;
            let resolved = latest(&repository).await;
            let trees = repository.load_trees(resolved.root).await.unwrap();
            let ours = entries(&trees);
            let theirs = entries_of_restic(&restic, &resolved.snapshot.id.to_string());
            assert!(ours.len() > 60);
            for (path, entry) in &theirs {
                assert_eq!(ours.get(path), Some(entry), "{path:?}");
            }
            assert_eq!(ours.len(), theirs.len());

            let counts = repository.counts(resolved.root, &[]).await.unwrap();
            let stats = restic.json(["stats", "--json", "--mode", "restore-size", "latest"]);
            let restored = restored(&restic);
            assert_eq!(stats["total_size"], counts.bytes);
            assert_eq!(restored.bytes, counts.bytes);
            assert_eq!(
                (restored.files, restored.dirs, restored.others),
                (counts.files, counts.dirs, counts.others)
            );
            if let Some(summary) = restored.summary {
                assert_eq!(summary["total_bytes"], counts.bytes);
                let all = counts.files + counts.dirs + counts.others;
                assert_eq!(summary["total_files"], all);
            }
        }
    }
}

/// What restic restores, counted on the disk; and what it says it restored,
/// where its version says so.
struct Restored {
    files: u64,
    bytes: u64,
    dirs: u64,
    others: u64,
    summary: Option<serde_json::Value>,
}

fn restored(restic: &Restic) -> Restored {
    let target = restic.beside("target");
    let args = ["restore", "latest", "--json", "--target"].map(OsStr::new);
    let output = restic.run(args.into_iter().chain([target.as_os_str()]));
    let summary = String::from_utf8(output)
        .unwrap()
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
        .find(|line| line["message_type"] == "summary");
    let mut counted = Restored { files: 0, bytes: 0, dirs: 0, others: 0, summary };
    let mut inodes = std::collections::BTreeSet::new();
    let mut open = vec![target];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap();
            let meta = fs::symlink_metadata(entry.path()).unwrap();
            if meta.is_dir() {
                counted.dirs += 1;
                open.push(entry.path());
            } else if meta.is_file() {
                counted.files += 1;
                if inodes.insert(std::os::unix::fs::MetadataExt::ino(&meta)) {
                    counted.bytes += meta.len();
                }
            } else {
                counted.others += 1;
            }
        }
    }
    counted
}

#[tokio::test(flavor = "multi_thread")]
async fn snapshots_are_listed_and_folded() {
    for binary in restics() {
        let restic = Restic::init_cheap(&binary, "2");
        fill_small(&restic.beside("source"));
        // By a relative path, so that the folders above are no part of the tree:
        // their times change with every test that runs.
        let source = Path::new("source");
        for (time, tag) in [("2026-01-01", "one"), ("2026-01-03", "three"), ("2026-01-02", "two")] {
            let time = format!("{time} 10:11:12");
            let args = ["--time", &time, "--tag", tag, "--host", "host\u{1b}[31m"];
            backup(&restic, source, &args);
        }
        fs::write(restic.beside("source/new"), "new").unwrap();
        backup(&restic, source, &["--time", "2026-01-04 00:00:00", "--tag", "four"]);

        let repository = open(&restic).await;
        let list = repository.snapshots().await.unwrap();
        assert!(list.damaged.is_empty());
        let views = list.views();
        let tags: Vec<_> = views.iter().map(|view| view.tags.join(",")).collect();
        assert_eq!(tags, ["four", "three", "two", "one"]);

        let theirs = restic.json(["snapshots", "--json"]);
        for theirs in theirs.as_array().unwrap() {
            let view = views.iter().find(|view| view.id.as_str() == theirs["id"]).unwrap();
            assert_eq!(view.tree, theirs["tree"].as_str().unwrap());
            assert_eq!(view.paths[0], theirs["paths"][0].as_str().unwrap());
            let summary = &theirs["summary"];
            assert_eq!(view.files, summary["total_files_processed"].as_u64());
            assert_eq!(view.bytes, summary["total_bytes_processed"].as_u64());
            assert_eq!(view.added_bytes, summary["data_added"].as_u64());
        }
        assert_eq!(views[3].hostname, "host[31m");
        // The backup ran in São Paulo, three hours behind.
        assert_eq!(views[3].time.to_string(), "2026-01-01T13:11:12.000Z");

        let folded = list.folded();
        assert_eq!(folded.len(), 2);
        assert_eq!((&folded[0].newest, folded[0].same.len()), (&views[0], 0));
        assert_eq!(folded[1].newest, views[1]);
        assert_eq!(folded[1].same, views[2..]);

        // What is forgotten is gone from the list, whatever the cache holds.
        restic.run(["forget", views[0].id.as_str()]);
        let fewer = repository.snapshots().await.unwrap().views();
        assert_eq!(fewer, views[1..]);
        let gone = select(&repository, views[0].id.as_str()).await.unwrap_err();
        assert_eq!(gone.code(), Code::SnapshotMissing);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_selector_finds_its_snapshot() {
    for binary in restics() {
        let restic = Restic::init_cheap(&binary, "2");
        let (one, two) = (restic.beside("one"), restic.beside("two"));
        fill_small(&one);
        fs::create_dir(&two).unwrap();
        backup(&restic, &one, &["--time", "2026-01-01 00:00:00"]);
        let repository = open(&restic).await;
        let first = latest(&repository).await;

        backup(&restic, &two, &["--time", "2026-01-02 00:00:00"]);
        let ambiguous = select(&repository, "latest").await.unwrap_err();
        assert_eq!(ambiguous.code(), Code::SnapshotAmbiguous);
        assert!(ambiguous.to_string().contains("/one"), "{ambiguous}");
        assert!(ambiguous.to_string().contains("/two"), "{ambiguous}");

        let paths = [one.to_str().unwrap().to_owned()];
        let by_paths = repository.resolve(&SnapshotSelector::Latest, "muse", &paths).await;
        assert_eq!(by_paths.unwrap(), first);

        backup(&restic, &two, &["--time", "2026-01-03 00:00:00", "--tag", "dumont:muse"]);
        let tagged = latest(&repository).await;
        assert_eq!(tagged.snapshot.snapshot.tags, ["dumont:muse"]);

        let id = first.snapshot.id.to_string();
        assert_eq!(select(&repository, &id[..16]).await.unwrap(), first);
        assert_eq!(select(&repository, &id).await.unwrap(), first);
        let missing = select(&repository, "00000000000000000000").await.unwrap_err();
        assert_eq!(missing.code(), Code::SnapshotMissing);
        let missing = select(&repository, "none").await.unwrap_err();
        assert_eq!(missing.code(), Code::SnapshotMissing);

        let inner = format!("{id}:{}", path_below(&one, "notes/deep/"));
        let inner = select(&repository, &inner).await.unwrap();
        let names: Vec<_> = repository
            .list(inner.root)
            .await
            .unwrap()
            .nodes
            .iter()
            .map(|node| node.name.to_string())
            .collect();
        assert_eq!(names, ["todo"]);
        assert_eq!(select(&repository, &format!("{id}:/")).await.unwrap().root, first.root);
        for folder in ["/nowhere", &path_below(&one, "models/unet")] {
            let missing = select(&repository, &format!("{id}:{folder}")).await.unwrap_err();
            assert_eq!(missing.code(), Code::SnapshotMissing);
            assert!(missing.to_string().contains(folder), "{missing}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn critical_paths_are_found_in_a_real_snapshot() {
    let Some(binary) = restics().pop() else { return };
    let restic = Restic::init_cheap(&binary, "2");
    let source = restic.beside("source");
    fill_odd(&source);
    backup(&restic, &source, &[]);
    let repository = open(&restic).await;
    let root = latest(&repository).await.root;
    let counts = async |critical: &[&str]| -> Result<Counts, RepositoryError> {
        let critical: Vec<_> = critical.iter().map(ToString::to_string).collect();
        repository.counts(root, &critical).await
    };

    let large = counts(&["large", "hard"]).await.unwrap();
    assert_eq!((large.critical_files, large.critical_bytes), (3, (2 << 20) + 5000));
    assert_eq!(large.critical[0].path, path_below(&source, "large").into_bytes());
    let deep = counts(&["level 18/level 19"]).await.unwrap();
    assert_eq!(deep.critical_files, 1);
    let missing = counts(&["no such thing"]).await.unwrap_err();
    assert_eq!(missing.code(), Code::CriticalPathMissing);

    let path = path_below(&source, "hard/one");
    let node = repository.find(root, &path).await.unwrap().unwrap();
    assert_eq!((node.size, node.links), (5000, 3));
    assert_eq!(repository.find(root, "/nowhere/at/all").await.unwrap(), None);
    assert_eq!(repository.find(root, &format!("{path}/below")).await.unwrap(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn restic_accepts_a_repository_created_here() {
    for binary in restics() {
        let restic = Restic::new(&binary);
        let location = restic.repository().to_str().unwrap().parse().unwrap();
        let password: SecretString = PASSWORD.to_owned().into();
        let creator = Creator {
            now: At::from_unix_ms(1_795_435_200_123),
            username: "someone".into(),
            hostname: "laptop".into(),
        };
        let options = options(&restic.beside("cache"));
        let create = || Repository::create(&location, None, &password, &creator, &options);
        let no_password = String::new().into();
        let empty = Repository::create(&location, None, &no_password, &creator, &options);
        assert_eq!(empty.await.unwrap_err(), RepositoryError::PasswordEmpty);
        let repository = create().await.unwrap();
        assert!(repository.snapshots().await.unwrap().snapshots.is_empty());
        let none = select(&repository, "latest").await.unwrap_err();
        assert_eq!(none.code(), Code::SnapshotMissing);

        assert_eq!(restic.json(["snapshots", "--json"]), serde_json::json!([]));
        restic.run(["check"]);
        let config = restic.json(["cat", "config"]);
        assert_eq!(config["version"], 2);
        assert_eq!(config["id"], repository.id().to_string());
        let keys = restic.json(["key", "list", "--json"]);
        assert_eq!(keys[0]["hostName"], "laptop");

        // The handle that created it sees what restic does to it.
        let source = restic.beside("source");
        fill_small(&source);
        backup(&restic, &source, &[]);
        restic.run(["check", "--read-data"]);
        let counts = repository.counts(latest(&repository).await.root, &[]).await.unwrap();
        assert_eq!((counts.files, counts.bytes), (2, 300_007));
        let again = open(&restic).await;
        assert_eq!(again.id(), repository.id());
        restic.add_key("another");
        open_as(&restic, "another", &options).await.unwrap();

        let refused = create().await.unwrap_err();
        assert!(matches!(refused, RepositoryError::AlreadyExists { .. }), "{refused}");
        assert_eq!(again.snapshots().await.unwrap().snapshots.len(), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn any_of_several_passwords_opens_and_no_other() {
    let Some(binary) = restics().pop() else { return };
    let restic = Restic::init_cheap(&binary, "2");
    let repository = open(&restic).await;
    let passwords = ["b", "c", "d", "e", "f", "g"];
    for password in passwords {
        restic.add_cheap_key(repository.data_key(), password);
    }
    let options = OpenOptions::default();
    for password in passwords {
        assert_eq!(open_as(&restic, password, &options).await.unwrap().id(), repository.id());
    }
    let wrong = open_as(&restic, "wrong", &options).await.unwrap_err();
    assert_eq!(
        (wrong.code(), wrong.clone()),
        (Code::RepositoryPasswordWrong, RepositoryError::PasswordWrong)
    );
    assert!(!format!("{repository:?} {wrong:?} {wrong}").contains("wrong\""), "{wrong}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_repository_is_told() {
    let folder = tempfile::tempdir().unwrap();
    for place in [folder.path().to_owned(), folder.path().join("missing")] {
        let location = place.to_str().unwrap().parse().unwrap();
        let password = PASSWORD.to_owned().into();
        let opened = Repository::open(&location, None, &password, &OpenOptions::default()).await;
        let error = opened.unwrap_err();
        assert_eq!(error.code(), Code::NotARepository);
        assert!(error.to_string().contains(place.to_str().unwrap()));
    }
}

/// Flips a bit in the middle of a file.
fn damage(file: &Path) {
    let mut bytes = fs::read(file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    write_over(file, &bytes);
}

/// restic's files are read-only.
fn write_over(file: &Path, bytes: &[u8]) {
    fs::set_permissions(file, fs::Permissions::from_mode(0o600)).unwrap();
    fs::write(file, bytes).unwrap();
}

fn path_of(restic: &Restic, file: FileName) -> PathBuf {
    restic.repository().join(file.to_string())
}

fn ids(restic: &Restic, folder: &str) -> Vec<Id> {
    let files = files(&restic.repository().join(folder));
    files.iter().map(|(name, _)| name.parse().unwrap()).collect()
}

fn data_key(restic: &Restic) -> Key {
    let [(_, json)] = files(&restic.repository().join("keys")).try_into().unwrap();
    KeyFile::parse(&json).unwrap().open(PASSWORD.as_bytes()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_damaged_file_is_named() {
    let Some(binary) = restics().pop() else { return };
    for version in ["1", "2"] {
        let restic = Restic::init_cheap(&binary, version);
        let source = restic.beside("source");
        fill_small(&source);
        backup(&restic, &source, &[]);
        fs::write(source.join("new"), "new").unwrap();
        backup(&restic, &source, &[]);
        let fresh = || async { open_as(&restic, PASSWORD, &OpenOptions::default()).await };
        let named = |error: RepositoryError, file: FileName, code: Code| {
            assert_eq!(error.code(), code, "{error}");
            assert!(error.to_string().contains(&file.to_string()), "{error}");
        };
        // Damages a file, looks what comes of it, and mends it.
        let with_damage = |file: FileName| {
            let path = path_of(&restic, file);
            let whole = fs::read(&path).unwrap();
            damage(&path);
            move || write_over(&path, &whole)
        };

        let mend = with_damage(FileName::Config);
        named(fresh().await.unwrap_err(), FileName::Config, Code::RepositoryDamaged);
        mend();

        let key = FileName::Key(ids(&restic, "keys")[0]);
        let mend = with_damage(key);
        named(fresh().await.unwrap_err(), key, Code::RepositoryDamaged);
        // Another key that opens makes it harmless.
        mend();
        restic.add_cheap_key(&data_key(&restic), "another");
        let mend = with_damage(key);
        open_as(&restic, "another", &OpenOptions::default()).await.unwrap();
        mend();

        let index = FileName::Index(ids(&restic, "index")[0]);
        let mend = with_damage(index);
        let repository = fresh().await.unwrap();
        named(repository.index().await.unwrap_err(), index, Code::RepositoryDamaged);
        mend();
        repository.index().await.unwrap();

        let all = repository.snapshots().await.unwrap();
        let (newest, oldest) = (&all.snapshots[0], &all.snapshots[1]);
        let snapshot = FileName::Snapshot(oldest.id);
        let mend = with_damage(snapshot);
        let repository = fresh().await.unwrap();
        let list = repository.snapshots().await.unwrap();
        assert_eq!(list.snapshots.len(), 1);
        named(list.damaged[0].clone(), snapshot, Code::RepositoryDamaged);
        let error = select(&repository, "latest").await.unwrap_err();
        named(error, snapshot, Code::RepositoryDamaged);
        let error = select(&repository, &oldest.id.to_string()).await.unwrap_err();
        named(error, snapshot, Code::RepositoryDamaged);
        // The whole one can still be chosen.
        let chosen = select(&repository, &newest.id.to_string()).await.unwrap();
        mend();

        let place = repository.index().await.unwrap();
        let place = place.locate(restic::BlobKind::Tree, &chosen.root).next().unwrap();
        let pack = FileName::Pack(place.pack);
        let path = path_of(&restic, pack);
        let whole = fs::read(&path).unwrap();
        let mut bytes = whole.clone();
        bytes[place.blob.offset as usize + 20] ^= 1;
        write_over(&path, &bytes);
        let repository = fresh().await.unwrap();
        named(repository.list(chosen.root).await.unwrap_err(), pack, Code::PackDamaged);
        let error = repository.counts(chosen.root, &[]).await.unwrap_err();
        named(error, pack, Code::PackDamaged);
        write_over(&path, &whole[..30]);
        named(repository.list(chosen.root).await.unwrap_err(), pack, Code::PackDamaged);
        fs::remove_file(&path).unwrap();
        named(repository.list(chosen.root).await.unwrap_err(), pack, Code::PackDamaged);

        // Damage elsewhere in the pack harms nobody.
        let mut bytes = whole.clone();
        let end = bytes.len() - 1;
        bytes[end] ^= 1;
        fs::write(&path, &bytes).unwrap();
        repository.list(chosen.root).await.unwrap();
        write_over(&path, &whole);

        // An index that is lost takes its trees with it.
        for id in ids(&restic, "index") {
            fs::remove_file(path_of(&restic, FileName::Index(id))).unwrap();
        }
        let repository = fresh().await.unwrap();
        let error = repository.list(chosen.root).await.unwrap_err();
        assert!(matches!(error, RepositoryError::TreeDamaged { .. }), "{error}");
        assert_eq!(error.code(), Code::RepositoryDamaged);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newer_format_is_told() {
    let Some(binary) = restics().pop() else { return };
    let restic = Restic::init_cheap(&binary, "2");
    let newer = data_key(&restic).seal(&[1; 16], br#"{"version":3}"#);
    write_over(&path_of(&restic, FileName::Config), &newer);
    let error = open_as(&restic, PASSWORD, &OpenOptions::default()).await.unwrap_err();
    assert_eq!(error, RepositoryError::TooNew { version: 3 });
    assert_eq!(error.code(), Code::RepositoryTooNew);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_warm_cache_needs_no_data_and_gives_nothing_away() {
    let Some(binary) = restics().pop() else { return };
    let restic = Restic::init_cheap(&binary, "2");
    let source = restic.beside("source");
    fill_small(&source);
    fs::write(source.join("remarkable-name"), "x").unwrap();
    backup(&restic, &source, &["--tag", "remarkable-tag"]);
    let repository = open(&restic).await;
    let resolved = latest(&repository).await;
    let counts = repository.counts(resolved.root, &[]).await.unwrap();

    let cached = files(&restic.beside("cache"));
    assert!(cached.len() >= 3, "index, snapshot and tree pack");
    for (name, bytes) in &cached {
        assert_eq!(Id::of(bytes).to_string(), *name);
        assert!(!bytes.windows(10).any(|part| part == b"remarkable"), "{name}");
    }

    // Listed, but no longer readable: only the cache has the contents.
    for folder in ["index", "snapshots", "data"] {
        for (name, _) in files(&restic.repository().join(folder)) {
            let id = name.parse().unwrap();
            let file = match folder {
                "index" => FileName::Index(id),
                "snapshots" => FileName::Snapshot(id),
                _ => FileName::Pack(id),
            };
            write_over(&path_of(&restic, file), b"");
        }
    }
    let repository = open(&restic).await;
    let again = latest(&repository).await;
    assert_eq!(again, resolved);
    assert_eq!(repository.counts(again.root, &[]).await.unwrap(), counts);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_cache_mends_itself() {
    let Some(binary) = restics().pop() else { return };
    let restic = Restic::init_cheap(&binary, "2");
    let source = restic.beside("source");
    fill_small(&source);
    backup(&restic, &source, &[]);
    let repository = open(&restic).await;
    let resolved = latest(&repository).await;
    let counts = repository.counts(resolved.root, &[]).await.unwrap();
    let cache = restic.beside("cache").join(repository.id().to_string());
    let cached = files(&cache);
    drop(repository);

    let each_file = |change: &dyn Fn(&Path)| {
        let mut open = vec![cache.clone()];
        while let Some(folder) = open.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() { open.push(path) } else { change(&path) }
            }
        }
    };
    for change in [&damage as &dyn Fn(&Path), &|file| fs::write(file, b"").unwrap()] {
        each_file(change);
        assert_ne!(files(&cache), cached);
        let repository = open(&restic).await;
        assert_eq!(latest(&repository).await, resolved);
        assert_eq!(repository.counts(resolved.root, &[]).await.unwrap(), counts);
        assert_eq!(files(&cache), cached);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_open_repository_follows_backups_and_prunes() {
    for binary in restics() {
        let restic = Restic::init_cheap(&binary, "2");
        let source = restic.beside("source");
        fill_small(&source);
        backup(&restic, &source, &[]);
        let repository = open(&restic).await;
        let first = repository.counts(latest(&repository).await.root, &[]).await.unwrap();
        let before = repository.index().await.unwrap();

        fs::write(source.join("new"), "new").unwrap();
        backup(&restic, &source, &[]);
        let second = repository.counts(latest(&repository).await.root, &[]).await.unwrap();
        assert_eq!((second.files, second.bytes), (first.files + 1, first.bytes + 3));

        fs::remove_dir_all(source.join("models")).unwrap();
        backup(&restic, &source, &[]);
        // Knows the packs before the prune, and has read none of them.
        let late = open_as(&restic, PASSWORD, &OpenOptions::default()).await.unwrap();
        late.index().await.unwrap();
        restic.run(["forget", "--keep-last", "1", "--prune", "--max-unused", "0"]);
        let root = latest(&late).await.root;
        assert_eq!(late.counts(root, &[]).await.unwrap().files, 2);
        assert!(late.list(root).await.is_ok());
        let third = repository.counts(latest(&repository).await.root, &[]).await.unwrap();
        assert_eq!((third.files, third.bytes), (2, 10));
        let after = repository.reload_index().await.unwrap();
        assert!(before.packs().iter().any(|pack| !after.packs().contains(pack)));
        // The cache lets go of what was pruned.
        let cached = files(&restic.beside("cache").join(repository.id().to_string()).join("data"));
        assert!(!cached.is_empty());
        for (name, _) in cached {
            assert!(after.packs().contains(&name.parse().unwrap()), "{name}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn many_small_syncs_are_worth_a_prune() {
    for binary in restics() {
        let restic = Restic::init_cheap(&binary, "2");
        let source = restic.beside("source");
        fill_small(&source);
        backup(&restic, &source, &[]);
        assert_eq!(open(&restic).await.prune_hint().await.unwrap(), None);
        // A pack of contents and one of trees each.
        for sync in 0..10 {
            fs::write(source.join("sync"), format!("{sync}")).unwrap();
            backup(&restic, &source, &[]);
        }
        let hint = open(&restic).await.prune_hint().await.unwrap().unwrap();
        assert_eq!(hint.small_packs, 22);
        restic.run(["prune", "--repack-small"]);
        assert_eq!(open(&restic).await.prune_hint().await.unwrap(), None);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_duplicate_stands_in_for_a_damaged_pack() {
    let Some(binary) = restics().pop() else { return };
    let restic = Restic::init_cheap(&binary, "2");
    let source = restic.beside("source");
    fill_small(&source);
    backup(&restic, &source, &[]);
    restic.without_index(|| backup(&restic, &source, &["--force"]));

    let repository = open_as(&restic, PASSWORD, &OpenOptions::default()).await.unwrap();
    // The folder above changed between the backups, this one did not.
    let snapshot = latest(&repository).await.snapshot.id;
    let selector = format!("{snapshot}:{}", source.display());
    let root = select(&repository, &selector).await.unwrap().root;
    let counts = repository.counts(root, &[]).await.unwrap();
    let index = repository.index().await.unwrap();
    let packs: Vec<_> =
        index.locate(restic::BlobKind::Tree, &root).map(|place| place.pack).collect();
    assert_eq!(packs.len(), 2);
    for pack in &packs {
        let path = path_of(&restic, FileName::Pack(*pack));
        let whole = fs::read(&path).unwrap();
        write_over(&path, &vec![0; whole.len()]);
        let fresh = open_as(&restic, PASSWORD, &OpenOptions::default()).await.unwrap();
        assert_eq!(fresh.counts(root, &[]).await.unwrap(), counts);
        write_over(&path, &whole);
    }
}

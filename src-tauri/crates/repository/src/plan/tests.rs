//! Plans of made-up trees, opened again and looked into.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use agent::plan::{
    FileKind, Folders, Header, Lost, MAX_HOLE, MAX_RANGE, Section, SectionKind, tree_order,
};
use proptest::prelude::*;
use restic::{BlobEntry, BlobKind, Id, IndexedPack, Key, Mode, Name, Node, NodeKind, Tree};

use super::*;

/// A tree built from paths, with an index in which each blob has its place.
#[derive(Default)]
struct World {
    trees: HashMap<Id, Arc<Tree>>,
    packs: Vec<IndexedPack>,
}

impl World {
    /// A blob of so many bytes in this pack, `hole` bytes behind the last.
    fn blob(&mut self, name: u64, length: u32, pack: u8, hole: u32) -> Id {
        let id = Id::of(&name.to_le_bytes());
        let pack_id = Id::of(&[pack, 1]);
        let at = self.packs.iter().position(|known| known.id == pack_id).unwrap_or_else(|| {
            self.packs.push(IndexedPack { id: pack_id, blobs: Vec::new() });
            self.packs.len() - 1
        });
        let blobs = &mut self.packs[at].blobs;
        if !blobs.iter().any(|blob| blob.id == id) {
            let end = blobs.last().map_or(0, |blob| blob.offset + blob.length);
            let kind = BlobKind::Data;
            let (offset, length) = (end + hole, length + 32);
            blobs.push(BlobEntry { id, kind, offset, length, raw_length: None });
        }
        id
    }

    fn folder(&mut self, name: &str, nodes: Vec<Node>) -> Node {
        let tree = Tree { nodes };
        let id = tree.id();
        self.trees.insert(id, Arc::new(tree));
        Node {
            mode: Mode::from_bits(0o750),
            subtree: Some(id),
            ..Node::new(Name::new(name.as_bytes()).unwrap(), NodeKind::Dir)
        }
    }

    fn index(&self) -> Index {
        let file = restic::Index { supersedes: Vec::new(), packs: self.packs.clone() };
        Index::merge(vec![(Id::of(b"index"), file)]).unwrap()
    }

    fn plan(mut self, nodes: Vec<Node>, critical: &[&str]) -> Read {
        let index = self.index();
        let root = self.folder("root", nodes).subtree.unwrap();
        let trees = TreeSet::of(root, self.trees);
        let request = PlanRequest {
            root,
            include: Vec::new(),
            critical: critical.iter().map(ToString::to_string).collect(),
        };
        let draft = draft(&trees, &index, &request).unwrap();
        let plan = seal(draft, key(), Id::of(b"name")).unwrap();
        Read::new(plan)
    }
}

fn key() -> Key {
    Key::from_bytes(&[9; 64])
}

fn file(name: &str, content: Vec<Id>, size: u64) -> Node {
    Node {
        mode: Mode::from_bits(0o640),
        size,
        links: 1,
        content: Some(content),
        ..Node::new(Name::new(name.as_bytes()).unwrap(), NodeKind::File)
    }
}

/// A plan as the agent reads it.
struct Read {
    plan: Plan,
    header: Header,
    sections: Vec<(SectionKind, Section)>,
    folders: Vec<Vec<u8>>,
}

impl Read {
    fn new(plan: Plan) -> Self {
        let head = plan.header_length as usize;
        let header = Header::open(&key(), &plan.bytes[..head]).unwrap();
        let mut at = head;
        let (mut sections, mut folders) = (Vec::new(), Vec::new());
        for (number, entry) in (1..).zip(&header.sections) {
            let sealed = &plan.bytes[at..at + entry.length as usize];
            at += entry.length as usize;
            let is_last = number as usize == header.sections.len();
            if entry.kind == SectionKind::Folders {
                let read = Folders::open(&key(), number, is_last, sealed).unwrap();
                folders.extend(read.folders.into_iter().map(|(path, _)| path.to_vec()));
            } else {
                let section = Section::open(&key(), number, is_last, sealed).unwrap();
                assert_eq!(section.ranges.len(), entry.ranges as usize);
                sections.push((entry.kind, section));
            }
        }
        assert_eq!(at, plan.bytes.len());
        Self { plan, header, sections, folders }
    }

    /// Which blobs are written where into each file, by its path.
    fn writes(&self) -> BTreeMap<String, Vec<(u64, Id)>> {
        let mut writes: BTreeMap<String, Vec<(u64, Id)>> = BTreeMap::new();
        for (_, section) in &self.sections {
            for blob in section.ranges.iter().flat_map(|range| &range.blobs) {
                for target in &blob.targets {
                    let file = &section.files[target.file as usize];
                    let folder = &section.folders[file.place.folder as usize];
                    let path = [&folder.path[..], b"/", &file.place.name].concat();
                    let path = String::from_utf8(path).unwrap();
                    writes.entry(path).or_default().push((target.offset, blob.id));
                }
            }
        }
        for places in writes.values_mut() {
            places.sort();
        }
        writes
    }

    fn kinds(&self, name: &str) -> Vec<FileKind> {
        let files = self.sections.iter().flat_map(|(_, section)| &section.files);
        files
            .filter(|file| &*file.place.name == name.as_bytes())
            .map(|file| file.kind.clone())
            .collect()
    }
}

#[test]
fn critical_files_come_first_and_whole() {
    let mut world = World::default();
    let large: Vec<Id> = (0..40).map(|n| world.blob(n, 1 << 20, (n / 10) as u8, 0)).collect();
    let shared = world.blob(100, 5_000, 1, 0);
    let code = world.blob(101, 3_000, 9, 0);
    let models = world.folder("models", vec![file("unet", large, 40 << 20)]);
    let app = world.folder(
        "app",
        vec![file("lib", vec![shared], 5_000), file("main", vec![code, shared], 8_000)],
    );
    let empty = world.folder("empty", Vec::new());
    let text = file("notes", vec![shared], 5_000);
    let nodes = vec![app, empty, models, text];
    let top = world.folder("workspace", nodes);
    let read = world.plan(vec![top], &["app", "workspace/empty"]);

    let totals = read.header.totals;
    assert_eq!((totals.files, totals.critical_files, totals.critical_entries), (4, 2, 2));
    assert_eq!((totals.bytes, totals.critical_bytes), ((40 << 20) + 18_000, 13_000));
    assert_eq!(read.plan.counts.critical[0].path, b"/workspace/app");
    let (kind, first) = &read.sections[0];
    assert_eq!(*kind, SectionKind::Critical);
    // All of them, the folder without files too, and who shares a blob with them.
    let names: Vec<_> =
        first.files.iter().map(|file| (&*file.place.name, file.is_critical)).collect();
    assert_eq!(names, [(&b"lib"[..], true), (b"main", true), (b"notes", false)]);
    assert!(first.folders.iter().any(|folder| &*folder.path == b"workspace/empty"));
    assert!(read.sections[1..].iter().all(|(kind, _)| *kind == SectionKind::Files));
    let writes = read.writes();
    assert_eq!(writes["workspace/app/main"], [(0, code), (3_000, shared)]);
    assert_eq!(writes["workspace/notes"], [(0, shared)]);
    assert_eq!(writes["workspace/models/unet"].len(), 40);
    // Groups begin where the tree first branches.
    let groups: Vec<_> = read.header.groups.iter().map(|group| &group.path[..]).collect();
    assert_eq!(groups, [&b""[..], b"workspace/app", b"workspace/empty", b"workspace/models"]);
    assert_eq!(read.header.groups[3].bytes, 40 << 20);
    // Each folder after what lies in it.
    assert_eq!(read.folders.last().unwrap(), b"workspace");
    assert_eq!(read.folders.len(), 4);
}

#[test]
fn ranges_are_long_but_no_longer_than_they_may_be() {
    let mut world = World::default();
    let mut content = Vec::new();
    for n in 0..60u64 {
        let hole = if n % 10 == 5 {
            MAX_HOLE + 1
        } else if n % 10 == 7 {
            1000
        } else {
            0
        };
        content.push(world.blob(n, 150_000, (n / 20) as u8, hole));
    }
    let nodes = vec![file("one", content, 60 * 150_000)];
    let read = world.plan(nodes, &[]);
    let ranges: Vec<_> = read.sections.iter().flat_map(|(_, section)| &section.ranges).collect();
    for range in &ranges {
        assert!(range.end() - range.start() <= MAX_RANGE);
        for pair in range.blobs.windows(2) {
            assert!(pair[1].offset - pair[0].end() <= MAX_HOLE);
        }
    }
    assert!(ranges.len() < 60, "{}", ranges.len());
    assert_eq!(read.plan.ranges, ranges.len());
    // The packs are named in the order in which they are needed.
    let packs: Vec<u32> = ranges.iter().map(|range| range.pack).collect();
    assert!(packs.is_sorted());
    assert_eq!(read.plan.packs().len(), 3);
    assert!(read.plan.first.len() <= FIRST_RANGES);
    assert_eq!(read.plan.first[0].1, ranges[0].start());
}

#[test]
fn what_lies_in_several_packs_is_read_from_one_that_is_needed_anyway() {
    let mut world = World::default();
    let twice = world.blob(1, 1000, 0, 0);
    world.blob(1, 1000, 5, 0);
    let other = world.blob(2, 1000, 5, 0);
    let nodes = vec![file("a", vec![other], 1000), file("b", vec![twice], 1000)];
    let read = world.plan(nodes, &[]);
    let blobs = read.sections.iter().flat_map(|(_, section)| &section.ranges);
    assert!(blobs.clone().all(|range| range.pack == 0));
    // The other stands in if that one is bad, and is not read else.
    assert_eq!(read.plan.packs(), [Id::of(&[5, 1]), Id::of(&[0, 1])]);
    let spares: Vec<_> = blobs
        .flat_map(|range| &range.blobs)
        .map(|blob| blob.spare.as_ref().map(|spare| (blob.id, spare.pack, spare.offset)))
        .collect();
    assert_eq!(spares, [Some((twice, 1, 0)), None]);
}

#[test]
fn names_of_one_file_are_told_once() {
    let mut world = World::default();
    let blob = world.blob(1, 1000, 0, 0);
    let linked =
        |name: &str| Node { links: 3, inode: 7, device_id: 1, ..file(name, vec![blob], 1000) };
    let folder = world.folder("z", vec![linked("third")]);
    let read = world.plan(vec![linked("first"), linked("second"), folder], &["z"]);
    let files: Vec<_> = read.sections.iter().flat_map(|(_, section)| &section.files).collect();
    // The critical name is the first.
    assert_eq!(files.len(), 1);
    assert_eq!((&*files[0].place.name, files[0].is_critical), (&b"third"[..], true));
    assert_eq!(files[0].links.len(), 2);
    assert_eq!((read.header.totals.files, read.header.totals.bytes), (3, 1000));
}

#[test]
fn what_cannot_be_restored_is_told_from_the_beginning() {
    let mut world = World::default();
    let blob = world.blob(1, 1000, 0, 0);
    let nowhere = Id::of(b"nowhere");
    let odd = |name: &str, kind| Node::new(Name::new(name.as_bytes()).unwrap(), kind);
    let nodes = vec![
        file("half", vec![blob, nowhere], 2000),
        Node { content: None, ..file("silent", Vec::new(), 5) },
        file("empty", Vec::new(), 0),
        odd("door", NodeKind::Other("door".into())),
        odd("socket", NodeKind::Socket),
        odd("pipe", NodeKind::Fifo),
    ];
    let read = world.plan(nodes, &[]);
    assert_eq!(read.kinds("half"), [FileKind::Lost(Lost::BlobUnknown)]);
    assert_eq!(read.kinds("silent"), [FileKind::Lost(Lost::ContentsMissing)]);
    assert_eq!(read.kinds("door"), [FileKind::Lost(Lost::KindUnknown)]);
    assert_eq!(read.kinds("empty"), [FileKind::Regular { size: 0, writes: 0, shared: None }]);
    assert_eq!(read.kinds("socket"), []);
    assert_eq!(read.kinds("pipe"), [FileKind::Fifo]);
    assert_eq!(read.plan.lost, 3);
    // Nothing is read for a file that stays incomplete.
    assert!(read.sections.iter().all(|(_, section)| section.ranges.is_empty()));
}

#[test]
fn contents_that_stand_in_very_many_places_do_not_make_one_giant_section() {
    let mut world = World::default();
    let zeros = world.blob(1, 1000, 0, 0);
    let nodes = (0..30_000).map(|n| file(&format!("{n:05}"), vec![zeros], 1000)).collect();
    let read = world.plan(nodes, &[]);
    assert!(read.sections.len() > 2);
    assert!(read.sections.iter().all(|(_, section)| section.files.len() <= 16_384));
    assert_eq!(read.writes().len(), 30_000);
    let mut world = World::default();
    let zeros = world.blob(1, 1 << 20, 0, 0);
    let content = vec![zeros; 50_000];
    let read = world.plan(vec![file("sparse", content, 50_000 << 20)], &[]);
    assert_eq!(read.writes()["/sparse"].len(), 50_000);
}

#[test]
fn a_snapshot_without_end_is_refused() {
    let mut world = World::default();
    let mut nodes = vec![file("bottom", Vec::new(), 0)];
    for _ in 0..40 {
        let left = world.folder("left", nodes.clone());
        let right = world.folder("right", nodes);
        nodes = vec![left, right];
    }
    let root = world.folder("root", nodes).subtree.unwrap();
    // Far fewer would do.
    let trees = TreeSet::of(root, world.trees);
    let walked = Walk::with_limit(&trees, &whole(), &Paths::default(), 10_000);
    assert!(matches!(walked, Err(RepositoryError::TreeDamaged { .. })));
}

fn whole() -> Paths<'static> {
    let mut paths = Paths::default();
    paths.add(&[]);
    paths
}

proptest! {
    #[test]
    fn every_byte_of_every_file_is_planned_once(
        files in prop::collection::vec(
            (0usize..4, prop::collection::vec((0u64..30, 0u8..5), 0..6), any::<bool>()),
            1..40,
        ),
    ) {
        let mut world = World::default();
        let mut expected: BTreeMap<String, Vec<(u64, Id)>> = BTreeMap::new();
        let mut folders: Vec<Vec<Node>> = vec![Vec::new(); 4];
        let mut critical = Vec::new();
        for (number, (folder, blobs, is_critical)) in files.into_iter().enumerate() {
            let (mut offset, mut content) = (0, Vec::new());
            let name = format!("{number:02}");
            let path = format!("f{folder}/{name}");
            for (blob, pack) in blobs {
                let length = 100 + blob as u32 * 37;
                // One blob, one length; perhaps in several packs.
                let id = world.blob(blob, length, pack, number as u32 * 7);
                expected.entry(path.clone()).or_default().push((offset, id));
                content.push(id);
                offset += u64::from(length);
            }
            folders[folder].push(file(&name, content, offset));
            if is_critical {
                critical.push(path);
            }
        }
        let nodes = folders
            .into_iter()
            .enumerate()
            .map(|(number, nodes)| world.folder(&format!("f{number}"), nodes))
            .collect();
        let critical: Vec<&str> = critical.iter().map(String::as_str).collect();
        let read = world.plan(nodes, &critical);
        prop_assert_eq!(read.writes(), expected);

        // What a file needs is counted alike in every section that knows it.
        let mut writes: BTreeMap<Vec<u8>, u32> = BTreeMap::new();
        let mut is_bulk = false;
        for ((kind, section), entry) in read.sections.iter().zip(&read.header.sections) {
            is_bulk |= *kind == SectionKind::Files;
            prop_assert!(!is_bulk || *kind == SectionKind::Files);
            for (number, file) in section.files.iter().enumerate() {
                let folder = &section.folders[file.place.folder as usize];
                let path = [&folder.path[..], b"/", &file.place.name].concat();
                prop_assert!(tree_order(&entry.span.0, &path).is_le());
                prop_assert!(tree_order(&entry.span.1, &path).is_ge());
                prop_assert!(!file.is_critical || *kind == SectionKind::Critical);
                let here = section
                    .ranges
                    .iter()
                    .flat_map(|range| &range.blobs)
                    .flat_map(|blob| &blob.targets)
                    .filter(|target| target.file as usize == number)
                    .count() as u32;
                if let FileKind::Regular { writes: all, shared, .. } = file.kind {
                    *writes.entry(path).or_insert(all) -= here;
                    prop_assert!(shared.is_some() || here == all);
                }
            }
        }
        prop_assert!(writes.values().all(|left| *left == 0), "{:?}", writes);
        let names = |is_critical: bool| {
            let files = read.sections.iter().flat_map(|(_, section)| &section.files);
            files.filter(|file| file.is_critical == is_critical).count()
        };
        prop_assert_eq!(names(true) as u64, read.header.totals.critical_entries);
    }
}

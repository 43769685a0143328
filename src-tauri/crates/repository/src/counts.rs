//! What a restore will bring: files and bytes, and of those the critical ones
//! (product.md §8, `--critical`).

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use restic::{Id, Node, NodeKind, Tree};

use crate::trees::{components, subtree};
use crate::{Repository, RepositoryError, TreeSet};

/// How many fitting paths an error lists.
const MAX_CANDIDATES: usize = 10;

/// What a restore of a tree brings.
///
/// `files + dirs + others` is what restic's restore summary counts. A file
/// with several names (hard links) counts once for each name, but its bytes
/// once, as in that summary.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counts {
    /// Names of files.
    pub files: u64,
    /// Bytes of files.
    pub bytes: u64,
    /// Folders, without the root itself.
    pub dirs: u64,
    /// Links, devices, pipes and sockets.
    pub others: u64,
    /// Names of files among the critical paths; all files if none are given.
    pub critical_files: u64,
    /// Bytes of files among the critical paths; all bytes if none are given.
    pub critical_bytes: u64,
    /// The critical paths, in the order they were asked for.
    pub critical: Vec<CriticalPath>,
}

/// A critical path and what it means in the tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CriticalPath {
    /// As it was asked for.
    pub asked: String,
    /// From the restored tree's root, with a leading `/`. Not necessarily
    /// UTF-8.
    pub path: Vec<u8>,
}

impl Repository {
    /// Counts what a restore of the tree brings.
    ///
    /// # Errors
    /// As [`Repository::load_trees`] and [`TreeSet::counts`].
    #[tracing::instrument(skip_all, fields(root = %root.short()))]
    pub async fn counts(&self, root: Id, critical: &[String]) -> Result<Counts, RepositoryError> {
        let trees = self.load_trees(root).await?;
        let critical = critical.to_vec();
        crate::open::blocking(move || trees.counts(&critical)).await?
    }
}

impl TreeSet {
    /// Counts what a restore of these trees brings. A critical path is a path
    /// from the root, or the last components of one if only one entry fits;
    /// with a leading `/` it is a path from the root and nothing else. A folder
    /// stands for everything below it.
    ///
    /// # Errors
    /// [`RepositoryError::CriticalPathMissing`],
    /// [`RepositoryError::CriticalPathAmbiguous`].
    pub fn counts(&self, critical: &[String]) -> Result<Counts, RepositoryError> {
        let totals = Totals::of(self);
        let whole = totals.tree(self.root);
        let mut counts = Counts {
            files: whole.files,
            bytes: whole.bytes.saturating_add(linked_bytes(self, [self.root], [])),
            dirs: whole.dirs,
            others: whole.others,
            ..Counts::default()
        };
        if critical.is_empty() {
            counts.critical_files = counts.files;
            counts.critical_bytes = counts.bytes;
            return Ok(counts);
        }

        let mut entries = BTreeSet::new();
        for asked in critical {
            let path = self.find_critical(asked)?;
            counts.critical.push(CriticalPath { asked: asked.clone(), path: path.text() });
            entries.insert(path);
        }
        // What lies below another critical folder is counted with that.
        let mut outermost: Vec<Entry<'_>> = Vec::new();
        for entry in entries {
            if !outermost.iter().any(|outer| entry.names.starts_with(&outer.names)) {
                outermost.push(entry);
            }
        }
        let mut roots = Vec::new();
        let mut nodes = Vec::new();
        for entry in &outermost {
            let total = match entry.node {
                None => {
                    roots.push(self.root);
                    whole
                }
                Some(node) => {
                    roots.extend(subtree(node));
                    nodes.push(node);
                    totals.node(node)
                }
            };
            counts.critical_files = counts.critical_files.saturating_add(total.files);
            counts.critical_bytes = counts.critical_bytes.saturating_add(total.bytes);
        }
        counts.critical_bytes =
            counts.critical_bytes.saturating_add(linked_bytes(self, roots, nodes));
        Ok(counts)
    }

    /// The entry that a critical path means.
    pub(crate) fn find_critical(&self, asked: &str) -> Result<Entry<'_>, RepositoryError> {
        let shown = || model::clean(asked, 200);
        let names: Vec<&[u8]> = components(asked).collect();
        if let Some(entry) = self.entry_at(&names) {
            return Ok(entry);
        }
        let missing = || RepositoryError::CriticalPathMissing { path: shown() };
        if asked.starts_with('/') {
            return Err(missing());
        }
        let mut found = self.entries_ending(&names);
        match found.len() {
            0 => Err(missing()),
            1 => Ok(found.remove(0)),
            _ => Err(RepositoryError::CriticalPathAmbiguous {
                path: shown(),
                candidates: found
                    .iter()
                    .map(|entry| model::clean(&String::from_utf8_lossy(&entry.text()), 200))
                    .collect(),
            }),
        }
    }

    /// The entry at a path from the root.
    fn entry_at(&self, names: &[&[u8]]) -> Option<Entry<'_>> {
        self.entry_below(self.root, &[], names)
    }

    fn entry_below<'a>(
        &'a self,
        tree: Id,
        above: &[&'a [u8]],
        names: &[&[u8]],
    ) -> Option<Entry<'a>> {
        let mut entry = Entry { names: above.to_vec(), node: None };
        let mut tree = self.get(&tree);
        for name in names {
            let node = tree?.find(name)?;
            entry.names.push(node.name.as_bytes());
            entry.node = Some(node);
            tree = self.below(node);
        }
        Some(entry)
    }

    /// The first entries whose paths end with these names. Trees without any
    /// are never entered, so that a tree that stands in a million places
    /// costs no more than one.
    fn entries_ending(&self, names: &[&[u8]]) -> Vec<Entry<'_>> {
        let hits: HashSet<Id> = self
            .iter()
            .filter(|(id, _)| self.entry_below(**id, &[], names).is_some())
            .map(|(id, _)| *id)
            .collect();
        let on_the_way = self.ancestors(&hits);
        let mut found = Vec::new();
        let mut open = vec![(self.root, Vec::new())];
        while let Some((tree, above)) = open.pop() {
            if found.len() == MAX_CANDIDATES {
                break;
            }
            if hits.contains(&tree) {
                found.extend(self.entry_below(tree, &above, names));
            }
            let Some(tree) = self.get(&tree) else { continue };
            for node in &tree.nodes {
                if let Some(below) = subtree(node).filter(|below| on_the_way.contains(below)) {
                    let mut path: Vec<&[u8]> = above.clone();
                    path.push(node.name.as_bytes());
                    open.push((below, path));
                }
            }
        }
        found.sort();
        found
    }

    /// These trees and all that lead to them.
    fn ancestors(&self, trees: &HashSet<Id>) -> HashSet<Id> {
        let mut parents: HashMap<Id, Vec<Id>> = HashMap::new();
        for (id, tree) in self.iter() {
            for below in tree.nodes.iter().filter_map(subtree) {
                parents.entry(below).or_default().push(*id);
            }
        }
        let mut reached = trees.clone();
        let mut open: Vec<Id> = trees.iter().copied().collect();
        while let Some(tree) = open.pop() {
            for parent in parents.get(&tree).into_iter().flatten() {
                if reached.insert(*parent) {
                    open.push(*parent);
                }
            }
        }
        reached
    }
}

/// An entry with its path; the root has no node.
#[derive(Debug, Clone)]
pub(crate) struct Entry<'a> {
    pub(crate) names: Vec<&'a [u8]>,
    node: Option<&'a Node>,
}

impl Entry<'_> {
    pub(crate) fn text(&self) -> Vec<u8> {
        if self.names.is_empty() {
            return b"/".to_vec();
        }
        self.names.iter().flat_map(|name| [&b"/"[..], name]).flatten().copied().collect()
    }
}

impl PartialEq for Entry<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.names == other.names
    }
}

impl Eq for Entry<'_> {}

impl PartialOrd for Entry<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Entry<'_> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.names.cmp(&other.names)
    }
}

/// Sums below one tree; files with several names count their names only.
#[derive(Debug, Clone, Copy, Default)]
struct Total {
    files: u64,
    bytes: u64,
    dirs: u64,
    others: u64,
}

impl Total {
    fn add(&mut self, other: Self) {
        self.files = self.files.saturating_add(other.files);
        self.bytes = self.bytes.saturating_add(other.bytes);
        self.dirs = self.dirs.saturating_add(other.dirs);
        self.others = self.others.saturating_add(other.others);
    }
}

/// The sums of every tree, each worked out once however often it stands in
/// the snapshot.
struct Totals(HashMap<Id, Total>);

impl Totals {
    fn of(trees: &TreeSet) -> Self {
        let mut totals = Self(HashMap::with_capacity(trees.len()));
        let mut open = vec![(trees.root, false)];
        while let Some((id, children_done)) = open.pop() {
            let Some(tree) = trees.get(&id) else { continue };
            if children_done {
                let mut total = Total::default();
                for node in &tree.nodes {
                    total.add(totals.node(node));
                }
                totals.0.insert(id, total);
            } else if !totals.0.contains_key(&id) {
                // A tree cannot hold itself: its name is its hash.
                open.push((id, true));
                open.extend(tree.nodes.iter().filter_map(subtree).map(|below| (below, false)));
            }
        }
        totals
    }

    fn tree(&self, id: Id) -> Total {
        self.0.get(&id).copied().unwrap_or_default()
    }

    fn node(&self, node: &Node) -> Total {
        match node.kind {
            NodeKind::File => {
                let bytes = if node.links > 1 { 0 } else { node.size };
                Total { files: 1, bytes, ..Total::default() }
            }
            NodeKind::Dir => {
                let mut total = subtree(node).map(|id| self.tree(id)).unwrap_or_default();
                total.add(Total { dirs: 1, ..Total::default() });
                total
            }
            _ => Total { others: 1, ..Total::default() },
        }
    }
}

/// The bytes of files with several names, below some trees and among some
/// nodes: each file once.
fn linked_bytes<'a>(
    trees: &'a TreeSet,
    roots: impl IntoIterator<Item = Id>,
    nodes: impl IntoIterator<Item = &'a Node>,
) -> u64 {
    let mut files: HashMap<(u64, u64), u64> = HashMap::new();
    let mut note = |node: &Node| {
        if node.kind == NodeKind::File && node.links > 1 {
            files.insert((node.device_id, node.inode), node.size);
        }
    };
    nodes.into_iter().for_each(&mut note);
    let mut open: Vec<Id> = roots.into_iter().collect();
    let mut seen: HashSet<Id> = open.iter().copied().collect();
    while let Some(id) = open.pop() {
        let Some(tree): Option<&Arc<Tree>> = trees.get(&id) else { continue };
        for node in &tree.nodes {
            note(node);
            open.extend(subtree(node).filter(|below| seen.insert(*below)));
        }
    }
    files.into_values().fold(0, u64::saturating_add)
}

#[cfg(test)]
mod tests {
    use restic::Name;

    use super::*;

    /// Builds trees from paths; a path that ends with `/` is an empty folder.
    #[derive(Default)]
    struct Builder {
        trees: HashMap<Id, Arc<Tree>>,
    }

    impl Builder {
        fn file(name: &str, size: u64) -> Node {
            let name = Name::new(name.as_bytes()).unwrap();
            Node { size, links: 1, content: Some(Vec::new()), ..Node::new(name, NodeKind::File) }
        }

        fn linked(name: &str, inode: u64, size: u64) -> Node {
            Node { links: 2, inode, device_id: 1, ..Self::file(name, size) }
        }

        fn link(name: &str) -> Node {
            Node::new(Name::new(name.as_bytes()).unwrap(), NodeKind::Symlink)
        }

        fn tree(&mut self, nodes: Vec<Node>) -> Id {
            let tree = Tree { nodes };
            let id = tree.id();
            self.trees.insert(id, Arc::new(tree));
            id
        }

        fn dir(&mut self, name: &str, nodes: Vec<Node>) -> Node {
            let subtree = Some(self.tree(nodes));
            let name = Name::new(name.as_bytes()).unwrap();
            Node { subtree, ..Node::new(name, NodeKind::Dir) }
        }

        fn done(mut self, nodes: Vec<Node>) -> TreeSet {
            let root = self.tree(nodes);
            TreeSet::of(root, self.trees)
        }
    }

    /// /studio/models/unet (100), /studio/models/vae (10), /studio/notes (1), a link
    /// /studio/latest, and /old/models/unet (7).
    fn workspace() -> TreeSet {
        let mut b = Builder::default();
        let models = b.dir("models", vec![Builder::file("unet", 100), Builder::file("vae", 10)]);
        let studio =
            b.dir("studio", vec![Builder::link("latest"), models, Builder::file("notes", 1)]);
        let old_models = b.dir("models", vec![Builder::file("unet", 7)]);
        let old = b.dir("old", vec![old_models]);
        b.done(vec![old, studio])
    }

    fn counts(trees: &TreeSet, critical: &[&str]) -> Result<Counts, RepositoryError> {
        trees.counts(&critical.iter().map(ToString::to_string).collect::<Vec<_>>())
    }

    fn paths(counts: &Counts) -> Vec<&str> {
        counts.critical.iter().map(|one| std::str::from_utf8(&one.path).unwrap()).collect()
    }

    #[test]
    fn without_critical_paths_everything_is_critical() {
        let all = counts(&workspace(), &[]).unwrap();
        assert_eq!((all.files, all.bytes, all.dirs, all.others), (4, 118, 4, 1));
        assert_eq!((all.critical_files, all.critical_bytes), (4, 118));
        assert!(all.critical.is_empty());
    }

    #[test]
    fn an_exact_path_goes_before_last_components() {
        let trees = workspace();
        for (asked, path, files, bytes) in [
            ("studio/models/unet", "/studio/models/unet", 1, 100),
            ("/studio/models/", "/studio/models", 2, 110),
            ("./studio//models/.", "/studio/models", 2, 110),
            ("vae", "/studio/models/vae", 1, 10),
            ("models/vae", "/studio/models/vae", 1, 10),
            ("old/models", "/old/models", 1, 7),
            ("studio/latest", "/studio/latest", 0, 0),
            ("/", "/", 4, 118),
        ] {
            let found = counts(&trees, &[asked]).unwrap();
            assert_eq!(paths(&found), [path], "{asked}");
            assert_eq!(found.critical[0].asked, asked);
            assert_eq!((found.critical_files, found.critical_bytes), (files, bytes), "{asked}");
            assert_eq!((found.files, found.bytes), (4, 118));
        }
    }

    #[test]
    fn a_missing_path_is_named() {
        for asked in
            ["none", "/vae", "studio/models/unet/deeper", "../studio", "models/none", "/old/x"]
        {
            let error = counts(&workspace(), &["vae", asked]).unwrap_err();
            assert_eq!(error, RepositoryError::CriticalPathMissing { path: asked.into() });
        }
    }

    #[test]
    fn an_ambiguous_path_is_not_guessed() {
        let error = counts(&workspace(), &["models/unet"]).unwrap_err();
        let candidates = vec!["/old/models/unet".into(), "/studio/models/unet".into()];
        let path = "models/unet".into();
        assert_eq!(error, RepositoryError::CriticalPathAmbiguous { path, candidates });
    }

    #[test]
    fn nothing_is_counted_twice() {
        let asked = ["studio/models/unet", "studio/models", "studio", "vae", "old/models"];
        let found = counts(&workspace(), &asked).unwrap();
        assert_eq!((found.critical_files, found.critical_bytes), (4, 118));
        assert_eq!(
            paths(&found),
            [
                "/studio/models/unet",
                "/studio/models",
                "/studio",
                "/studio/models/vae",
                "/old/models"
            ]
        );
    }

    #[test]
    fn the_bytes_of_a_hard_linked_file_count_once() {
        let mut b = Builder::default();
        let one = b.dir("one", vec![Builder::linked("a", 5, 100), Builder::linked("b", 5, 100)]);
        let two = b.dir("two", vec![Builder::linked("c", 5, 100), Builder::linked("d", 6, 20)]);
        let trees = b.done(vec![one, two, Builder::linked("e", 6, 20)]);
        let all = counts(&trees, &[]).unwrap();
        assert_eq!((all.files, all.bytes), (5, 120));
        for (critical, files, bytes) in
            [(&["one"][..], 2, 100), (&["one", "two"], 4, 120), (&["e", "two/d"], 2, 20)]
        {
            let found = counts(&trees, critical).unwrap();
            assert_eq!((found.critical_files, found.critical_bytes), (files, bytes));
        }
    }

    #[test]
    fn a_tree_that_stands_in_a_million_places_costs_no_more_than_one() {
        let mut b = Builder::default();
        let mut nodes = vec![Builder::file("bottom", 1)];
        for _ in 0..60 {
            let left = b.dir("left", nodes.clone());
            let right = b.dir("right", nodes);
            nodes = vec![left, right];
        }
        let trees = b.done(nodes);
        let all = counts(&trees, &[]).unwrap();
        assert_eq!(all.files, 1 << 60);
        assert_eq!(all.dirs, (1 << 61) - 2);
        let error = counts(&trees, &["bottom"]).unwrap_err();
        let RepositoryError::CriticalPathAmbiguous { candidates, .. } = error else {
            panic!("{error}");
        };
        assert_eq!(candidates.len(), MAX_CANDIDATES);
        assert!(counts(&trees, &["nowhere"]).is_err());
    }
}
